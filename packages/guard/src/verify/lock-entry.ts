/** A file, or the files of one version, that a lock binds by hash. */
export interface LockedFiles {
  readonly kind: 'files'
  /** Line of the lock, from 1; undefined where it cannot be told. */
  readonly line: number | undefined
  /** In normal form. */
  readonly project: string
  /** As written; undefined where only a file name says it. */
  readonly version: string | undefined
  /** Undefined where the format has hashes and no names: requirements, Pipfile.lock. Each hash is a file then. */
  readonly filename: string | undefined
  /** Lower-case hex. A file with a name has one. */
  readonly sha256: readonly string[]
  /** Where the lock says that it comes from: the file's URL, else that of its index. */
  readonly from: string | undefined
}

/** Why an entry cannot be held against an index; `local` is what a lock says about folders beside it. */
export type GapCode = 'local' | 'not-locked' | 'other-source' | 'unhashed'

/** An entry of a lock that names no file by a sha256. */
export interface LockGap {
  readonly kind: 'gap'
  readonly line: number | undefined
  readonly project: string | undefined
  readonly version: string | undefined
  readonly filename: string | undefined
  readonly code: GapCode
  /** A sentence for people: what is missing, and what to do. */
  readonly reason: string
}

export type LockEntry = LockedFiles | LockGap

/** What a reader of a format makes of the bytes. */
export interface LockReading {
  readonly entries: readonly LockEntry[]
  /** Indexes and link pages that the lock tells its client to ask. */
  readonly sources: readonly LockSource[]
}

export interface LockSource {
  readonly line: number | undefined
  /** What names it: an option, or a table. */
  readonly by: string
  /** As written: it may hold credentials. */
  readonly url: string
}
