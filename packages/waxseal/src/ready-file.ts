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
   * Takes away what a server that was killed left at `path`: it would be believed. Looks that the file can be written,
   * too. Throws CommandError `cannot-write`.
   */
  constructor(path: string) {
    this.#path = path
    try {
      // Not what is no ordinary file: /dev/stdout, a folder.
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error('there is something else')
      rmSync(path, { force: true })
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
    try {
      const { pid } = JSON.parse(readFileSync(this.#path, 'utf8')) as { readonly pid?: unknown }
      if (pid === process.pid) rmSync(this.#path)
    } catch {
      // Gone, or not ours: nothing that should keep a server from stopping.
    }
  }
}

function cannotWrite(path: string, error: unknown): CommandError {
  const why =
    error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'the system gives no reason'
  return new CommandError('cannot-write', `The ready file ${path} cannot be written: ${why}.`, EXIT_ENVIRONMENT, {
    cause: error,
  })
}
