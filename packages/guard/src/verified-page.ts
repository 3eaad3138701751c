import type { GuardErrorCode } from './error.ts'

/**
 * How far a file is vouched for (design.md section 2). Sealed: under developers' keys of a name that was sealed offline, which a
 * stolen server cannot change. Pinned: this guard knew its hash before this run, and it has not changed since. Signed: by keys
 * that the server holds.
 */
export type FileTrust = 'sealed' | 'pinned' | 'signed'

/** One file of a page, verified. */
export interface VerifiedFile {
  readonly filename: string
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string
  /** Bytes. */
  readonly size?: number
  readonly yanked: boolean | string
  readonly trust: FileTrust
  /** Since when this guard knows the hash of a pinned file: a time as ISO 8601 writes it. */
  readonly pinnedSince?: string
  /** The sha256 of its metadata, where the page says it (PEP 658). */
  readonly metadataSha256?: string
}

/** Something that the index lists and the guard does not hand on, and why. */
export interface WithheldFile {
  readonly filename: string
  readonly code: GuardErrorCode
  readonly reason: string
}

/** What is offered under a name, from signed data alone. */
export interface VerifiedPage {
  readonly project: string
  /** Version of the snapshot that it was verified in. */
  readonly snapshot: number
  /** When that snapshot's timestamp was signed, in milliseconds since 1970. */
  readonly issued: number
  readonly status: string
  readonly statusReason?: string
  /** Whether a record of the name, signed offline, stands behind it. */
  readonly sealed: boolean
  readonly files: readonly VerifiedFile[]
  readonly withheld: readonly WithheldFile[]
}

/** Whoever can say what is offered. */
export interface VerifiedPages {
  /** Of a project in normal form; undefined: nobody offers it. @throws GuardError */
  page(project: string): Promise<VerifiedPage | undefined>
}
