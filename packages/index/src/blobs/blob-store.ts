/** A half-open byte range `[start, end)`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A stored blob that is about to be read. */
export interface Blob {
  readonly size: number
  /** The local file that holds it, when there is one: what `sendFile` and `X-Accel-Redirect` use. */
  readonly path?: string
  /** Its bytes, or those of `range`; memory use is bounded whatever the size. */
  stream(range?: ByteRange): AsyncIterable<Uint8Array>
}

/**
 * Immutable files by their sha256 (lower-case hex). One contract suite (`blob-store-contract.ts`) holds for every
 * implementation. What `put` acknowledged survives a crash; what it did not is invisible (style.md rule 8).
 */
export interface BlobStore {
  /**
   * Stores the bytes of `source` under `sha256` once they hash to it, else throws IndexError `digest-mismatch` and
   * keeps nothing. A spooled file is taken over (renamed where possible). Storing what exists already is a no-op.
   */
  put(sha256: string, source: AsyncIterable<Uint8Array> | SpooledFile): Promise<{ readonly size: number }>
  get(sha256: string): Promise<Blob | undefined>
  head(sha256: string): Promise<{ readonly size: number } | undefined>
  delete(sha256: string): Promise<void>
}

/** A finished file in the spool whose digest was computed while it was written (by us, in this process). */
export interface SpooledFile {
  readonly path: string
  readonly sha256: string
  readonly size: number
}
