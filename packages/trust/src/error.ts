/** Closed union of what can be wrong with metadata, keys, or what was fetched. The attacks they answer: attacks.md group A. */
export type TrustErrorCode =
  | 'ceremony-invalid'
  | 'clock-skewed'
  | 'delegation-limit'
  | 'equivocation'
  | 'expired'
  | 'fetch-failed'
  | 'hash-mismatch'
  | 'json-invalid'
  | 'key-invalid'
  | 'length-mismatch'
  | 'limit-exceeded'
  | 'metadata-invalid'
  | 'missing-role'
  | 'passphrase-wrong'
  | 'rollback'
  | 'signer-failed'
  | 'state-changed'
  | 'state-invalid'
  | 'threshold-not-met'
  | 'version-mismatch'

/** The one error of this package. `message` is one sentence for people, with no more than a bounded excerpt of the input. */
export class TrustError extends Error {
  override readonly name = 'TrustError'
  readonly code: TrustErrorCode

  constructor(code: TrustErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
