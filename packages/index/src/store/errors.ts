import { IndexError, isFull } from '../error.ts'

/** SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID (sqlite.org/rescode.html). */
const SQLITE_UNIQUE = new Set([2067, 1555, 2579])
/** Low byte of SQLITE_BUSY and its extended codes. */
const SQLITE_BUSY = 5
/** unique_violation (PostgreSQL, appendix A). */
const POSTGRES_UNIQUE = '23505'
/** serialization_failure and deadlock_detected: the transaction did nothing and may be run again. */
const POSTGRES_RETRY = new Set(['40001', '40P01'])
/** lock_not_available: another held what was needed for longer than POSTGRES_LOCK_TIMEOUT. */
const POSTGRES_LOCKED = '55P03'

/** SQLITE_PERM, BUSY, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL and NOTADB: low bytes (sqlite.org/rescode.html). */
const SQLITE_UNAVAILABLE = new Set([3, SQLITE_BUSY, 8, 10, 11, 13, 14, 15, 26])
/** Connection exceptions, insufficient resources, operator intervention, a database that takes no connections (PostgreSQL, appendix A), and the socket's own. */
const POSTGRES_UNAVAILABLE = /^(?:08...|53...|55000|55P03|57P0[0-3]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND)$/

/** What pg and its pool say without a code. */
const POOL_TROUBLE =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/

/** Whether the database, not the statement, is the trouble: it may be different in a moment. */
export function isUnavailable(error: unknown): boolean {
  if (SQLITE_UNAVAILABLE.has(sqliteCode(error) & 0xff)) return true
  const code = field(error, 'code')
  if (typeof code === 'string') return POSTGRES_UNAVAILABLE.test(code)
  return error instanceof Error && POOL_TROUBLE.test(error.message)
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: low bytes (sqlite.org/rescode.html). */
const SQLITE_DAMAGED = new Set([11, 26])

/** Whether SQLite found its file damaged. */
export function isDamagedDatabase(error: unknown): boolean {
  return SQLITE_DAMAGED.has(sqliteCode(error) & 0xff)
}

/** What people are told then. */
export function damagedDatabaseMessage(error: unknown): string {
  const why = error instanceof Error ? ` (${error.message})` : ''
  return `The database is damaged${why}. Stop the server, keep a copy of the data folder, and restore the last backup ("waxseal restore"); look at the disk.`
}

/** What people are told of a SQLite database that this process may not, or cannot, use. */
export function cannotUseSqlite(path: string, error: unknown): IndexError {
  if (isDamagedDatabase(error)) {
    return new IndexError('storage-failed', `${path}: ${damagedDatabaseMessage(error)}`, { cause: error })
  }
  const why = error instanceof Error ? ` (${error.message})` : ''
  const message = `The database ${path} cannot be opened${why}. The user that runs Waxseal (uid ${process.getuid?.() ?? 'unknown'}) has to own the data folder, and the disk needs some free space.`
  return new IndexError(isFull(error) ? 'storage-full' : 'storage-failed', message, { cause: error })
}

/** Whether a row was refused because its primary key or another unique value is taken, in either dialect. */
export function isUniqueViolation(error: unknown): boolean {
  return SQLITE_UNIQUE.has(sqliteCode(error)) || field(error, 'code') === POSTGRES_UNIQUE
}

/** Whether the transaction lost against another one and may simply be run again. */
export function isTransient(error: unknown): boolean {
  const code = field(error, 'code')
  return (
    (sqliteCode(error) & 0xff) === SQLITE_BUSY ||
    (typeof code === 'string' && (POSTGRES_RETRY.has(code) || code === POSTGRES_LOCKED))
  )
}

/** SQLite's extended result code; 0 for what is none of its errors. */
export function sqliteCode(error: unknown): number {
  const code = field(error, 'errcode')
  return typeof code === 'number' ? code : 0
}

function field(error: unknown, name: 'code' | 'errcode'): unknown {
  return error instanceof Error && name in error ? (error as Error & Record<typeof name, unknown>)[name] : undefined
}
