/** Closed union of what can go wrong in the server below HTTP; the HTTP status is decided in `http/` alone. */
export type IndexErrorCode =
  | 'blob-missing'
  | 'config-invalid'
  | 'conflict'
  | 'database-busy'
  | 'digest-mismatch'
  | 'limit-exceeded'
  | 'not-allowed'
  | 'not-found'
  | 'publish-fenced'
  | 'storage-failed'
  | 'upstream-failed'

/** The one error of this package. Expected refusals are values; this is for what a caller did not ask for. */
export class IndexError extends Error {
  override readonly name = 'IndexError'
  readonly code: IndexErrorCode

  constructor(code: IndexErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Whether a failed fetch was our own fault (disk, database, a bug) and not the upstream's: for the log. */
export function isOwnFailure(error: unknown): boolean {
  if (!(error instanceof IndexError)) return true
  return error.code === 'storage-failed' || error.code === 'database-busy'
}
