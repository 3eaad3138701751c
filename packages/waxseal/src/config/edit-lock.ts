import { closeSync, fchownSync, lstatSync, openSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT } from '../exit-codes.ts'

/** An edit takes milliseconds. */
const WAIT_MS = 30_000

/**
 * Holds off other edits of the file at `path`, which need not be there; its folder must be. The lock is the system's, on
 * a file beside it, by way of SQLite: it goes with the process, however that ends. The file stays: whoever took it away
 * would let two in. Throws CommandError `busy` and `cannot-write`, and the system's error.
 */
export function lockForEdit(path: string): Disposable {
  const found = statSync(path, { throwIfNoEntry: false })
  const target = found === undefined ? path : realpathSync(path)
  const lock = join(dirname(target), `.${basename(target)}.lock`)
  make(lock, found ?? statSync(dirname(target)))
  try {
    return held(lock, 0)
  } catch (error) {
    if (!isBusy(error)) throw error
  }
  process.stderr.write(`waxseal: Another command is editing ${path}; waiting for it.\n`)
  try {
    return held(lock, WAIT_MS)
  } catch (error) {
    if (!isBusy(error)) throw error
    const message = `Another command has been editing ${path} for ${WAIT_MS / 1000} seconds, and nothing was changed.`
    throw new CommandError('busy', message, EXIT_ENVIRONMENT, { cause: error })
  }
}

/** Its owner can edit the next time, also when it is root who edits now. */
function make(lock: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  try {
    const file = openSync(lock, 'wx', 0o600)
    try {
      if (process.getuid?.() === 0) fchownSync(file, uid, gid)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    // Root would lock what the folder's owner laid there a link to.
    if (lstatSync(lock).isFile()) return
    const message = `${lock} is no regular file, and nothing was changed. Remove it.`
    throw new CommandError('cannot-write', message, EXIT_ENVIRONMENT, { cause: error })
  }
}

function held(lock: string, timeout: number): Disposable {
  const url = pathToFileURL(lock)
  // Nor made: a link may have taken its place this moment.
  url.searchParams.set('mode', 'rw')
  const database = new DatabaseSync(url, { timeout })
  try {
    // Nothing is ever written into it: no journal beside it either.
    database.exec('pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    database.close()
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}

/** SQLITE_BUSY. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}
