import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { TrustError } from '../error.ts'
import type { MetaFile } from '../metadata.ts'

/** The hashes that we can check. Others may stand beside one of these, never alone. */
const ALGORITHMS = ['sha256', 'sha384', 'sha512'] as const

/**
 * Hashes what is given to it piece by piece, and compares at the end with what was signed: every algorithm that is known here.
 */
export class HashCheck {
  readonly #hashes: readonly { readonly hash: Hash; readonly expected: string }[]
  readonly #what: string

  /** @throws TrustError `hash-mismatch` if no algorithm in `expected` is known: then nothing could be checked */
  constructor(what: string, expected: ReadonlyMap<string, string>) {
    this.#what = what
    this.#hashes = ALGORITHMS.flatMap((algorithm) => {
      const hex = expected.get(algorithm)
      return hex === undefined ? [] : [{ hash: createHash(algorithm), expected: hex }]
    })
    if (this.#hashes.length === 0) throw new TrustError('hash-mismatch', `${what} has no hash that can be checked.`)
  }

  update(bytes: Uint8Array): void {
    for (const { hash } of this.#hashes) hash.update(bytes)
  }

  /** @throws TrustError `hash-mismatch` */
  end(): void {
    for (const { hash, expected } of this.#hashes) {
      if (hash.digest('hex') !== expected) throw new TrustError('hash-mismatch', `${this.#what} has another hash.`)
    }
  }
}

/**
 * Length and hashes of a metadata file as another role lists them, where it does (specification 5.5.2, 5.6.2; attacks.md MM-1).
 * @throws TrustError `length-mismatch` or `hash-mismatch`
 */
export function checkMetaFile(role: string, { length, hashes }: MetaFile, bytes: Uint8Array): void {
  if (length !== undefined && bytes.length !== length) {
    throw new TrustError('length-mismatch', `${role} has ${bytes.length} bytes where ${length} are signed.`)
  }
  if (hashes === undefined) return
  const check = new HashCheck(role, hashes)
  check.update(bytes)
  check.end()
}
