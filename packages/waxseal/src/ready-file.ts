import { accessSync, constants, lstatSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { CommandError } from './command-error.ts'
import { EXIT_ENVIRONMENT } from './exit-codes.ts'
import { VERSION } from './version.ts'
import { writeWhole } from './write-file.ts'

/** Scripts of other users wait for it too; it tells nothing that a connection would not. */
const MODE = 0o644

/** The file by which whoever started a server learns that it answers: there, whole, from then until it stops. */
export class ReadyFile implements Disposable {
  readonly #path: string

  /**
   * Takes away what a server that was killed left at `path`: it would be believed. That of one that runs stays until this
   * one is ready, which it may never be. Looks that the file can be written, too. Throws CommandError `cannot-write`.
   */
  constructor(path: string) {
    this.#path = path
    try {
      // Not what is no ordinary file: /dev/stdout, a folder.
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error('there is something else')
      if (!isAlive(pidIn(path))) rmSync(path, { force: true })
      // Whoever waits for the file itself must not see it yet.
      accessSync(dirname(path), constants.W_OK)
    } catch (error) {
      throw cannotWrite(path, error)
    }
  }

  write(url: string): void {
    try {
      writeWhole(this.#path, `${JSON.stringify({ url, pid: process.pid, version: VERSION })}\n`, { mode: MODE })
    } catch (error) {
      throw cannotWrite(this.#path, error)
    }
  }

  /** Takes it away, unless it is another server's by now. */
  [Symbol.dispose](): void {
    if (pidIn(this.#path) !== process.pid) return
    try {
      rmSync(this.#path)
    } catch {
      // Nothing that should keep a server from stopping.
    }
  }
}

/** Of which process the file speaks; undefined where it is gone, or not ours. */
function pidIn(path: string): unknown {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { readonly pid?: unknown }).pid
  } catch {
    return undefined
  }
}

/** Whether that is a process other than this one, which runs. */
function isAlive(pid: unknown): boolean {
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function cannotWrite(path: string, error: unknown): CommandError {
  const why =
    error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'the system gives no reason'
  return new CommandError('cannot-write', `The ready file ${path} cannot be written: ${why}.`, EXIT_ENVIRONMENT, {
    cause: error,
  })
}
