import type { PublicKey } from './public-key.ts'

/** Makes signatures with one private key, wherever that is: a file, a token, a service. */
export interface Signer {
  readonly key: PublicKey
  /**
   * Signs `bytes`, whole, with the key's scheme.
   * @throws TrustError `signer-failed`, with what to do in its message
   */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}
