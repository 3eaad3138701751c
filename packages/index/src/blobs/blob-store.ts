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

/** A blob as the store lists it. */
export interface ListedBlob {
  readonly sha256: string
  readonly size: number
  /** Changes with every `put` or `touch` of it; to be compared and nothing else. */
  readonly touched: string
  /** When that was, by the clock of whoever did it: milliseconds since the epoch. */
  readonly touchedAt: number
}

export type BlobSource = AsyncIterable<Uint8Array> | SpooledFile | Uint8Array

/**
 * Immutable files by their sha256 (lower-case hex). One contract suite (`blob-store-contract.ts`) holds for every
 * implementation. What `put` acknowledged survives a crash; what it did not is invisible (style.md rule 8).
 */
export interface BlobStore {
  /**
   * Stores the bytes of `source` under `sha256` once they hash to it, else throws IndexError `digest-mismatch` and
   * keeps nothing. A spooled file is taken over (renamed where possible). What exists already in that size is only
   * touched, so that nobody sweeps it before its row is written; with `replace` it is written anew all the same.
   */
  put(sha256: string, source: BlobSource, options?: { readonly replace?: boolean }): Promise<{ readonly size: number }>
  get(sha256: string): Promise<Blob | undefined>
  head(sha256: string): Promise<{ readonly size: number } | undefined>
  /** As `head`, and keeps it from being swept: for who is about to refer to it without storing it. */
  touch(sha256: string): Promise<{ readonly size: number } | undefined>
  /** Every blob, in the order of their sha256, with memory that does not grow with their number. */
  list(): AsyncIterable<ListedBlob>
  /**
   * Deletes a blob that nothing refers to. It stays when it was touched since `touched` was listed, or when
   * `isGarbage`, asked when nobody can find it any more, says no; true when it is gone. What a concurrent `put` of the
   * same bytes acknowledges is there afterwards. Whoever put it before it was listed must have written its row by now.
   */
  deleteUntouched(sha256: string, touched: string, isGarbage: () => Promise<boolean>): Promise<boolean>
  /**
   * Takes a blob out of the store that does not hash to its name, without destroying it, and says where it went. One
   * that is whole, or was healed meanwhile, stays: undefined, as for one that is not there.
   */
  setAside(sha256: string): Promise<string | undefined>
  delete(sha256: string): Promise<void>
}

/** A finished file in the spool whose digest was computed while it was written (by us, in this process). */
export interface SpooledFile {
  readonly path: string
  readonly sha256: string
  readonly size: number
}
