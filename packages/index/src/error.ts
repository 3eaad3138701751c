/** Closed union of what can go wrong in the server below HTTP; the HTTP status is decided in `http/` alone. */
export type IndexErrorCode =
  | 'backup-damaged'
  | 'blob-damaged'
  | 'blob-missing'
  | 'config-invalid'
  | 'conflict'
  | 'database-busy'
  | 'digest-mismatch'
  | 'keys-unusable'
  | 'limit-exceeded'
  | 'not-allowed'
  | 'not-found'
  | 'publish-fenced'
  | 'read-only'
  | 'storage-failed'
  | 'storage-full'
  | 'upstream-failed'
  | 'wrong-database'

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
  return error.code === 'storage-failed' || error.code === 'storage-full' || error.code === 'database-busy'
}

/** SQLITE_FULL (sqlite.org/rescode.html); disk_full (PostgreSQL, appendix A); what the file system itself says. */
const SQLITE_FULL = 13
const FULL: ReadonlySet<unknown> = new Set(['53100', 'ENOSPC', 'EDQUOT'])

/** Whether there is no room left: on the disk, in a quota, or for one more file. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof IndexError) return error.code === 'storage-full'
  if ('errcode' in error && typeof error.errcode === 'number') return (error.errcode & 0xff) === SQLITE_FULL
  return 'code' in error && FULL.has(error.code)
}
