/** What the client core needs of the world. Nothing that comes from here is trusted until it was verified. */

/** How much, and for how long. */
export interface FetchLimits {
  /** Most bytes, decoded: what a compressed answer grows to counts (attacks.md ED-DEC). */
  readonly maxBytes: number
  /** Most milliseconds for the whole. How slow is too slow before that is the fetcher's to say (attacks.md SR-1). */
  readonly deadlineMs: number
}

/** Where metadata and targets come from. */
export interface TrustRemote {
  /**
   * A metadata file by its name, escaped already: `3.root.json`. `undefined` when the repository says that there is none.
   * @throws TrustError `fetch-failed`, or `limit-exceeded` beyond `limits`
   */
  metadata(name: string, limits: FetchLimits): Promise<Uint8Array | undefined>
  /** A target by its path, escaped already, in pieces; errors as above, also while it is read. */
  target(path: string, limits: FetchLimits): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** What a state keeps beside its roles, under a name that no role has: the hash of the root that it began with. */
export const FIRST_ROOT = ''

/** Where trusted metadata is kept, as the bytes that were received. */
export interface TrustState {
  /** What is stored for a role: `root`, `timestamp`, `snapshot`, `targets`, or a delegated one; or `FIRST_ROOT`. */
  read(role: string): Promise<Uint8Array | undefined>
  /**
   * Replaces what is stored for a role, whole and durable or not at all, or deletes it (`undefined`); only if `expected` is
   * stored at that moment. Otherwise another process was faster: false, and nothing is changed.
   */
  swap(role: string, expected: Uint8Array | undefined, next: Uint8Array | undefined): Promise<boolean>
}
