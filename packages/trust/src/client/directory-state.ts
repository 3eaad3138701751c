import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { partsIn, readIfThere, sweepParts, syncFolder, writeWhole } from '../durable.ts'
import { TrustError } from '../error.ts'
import { STATE_LOCK_MS, STATE_LOCK_POLL_MS } from '../limits.ts'
import { roleFile } from '../role-file.ts'
import { FIRST_ROOT } from './trust-io.ts'
import type { TrustState } from './trust-io.ts'

/**
 * Trusted metadata as files of one folder, named by role without version, each the bytes that were received. A file is written
 * whole: under another name, synced, renamed, the folder synced. Processes that share the folder take turns in comparing and
 * replacing. A system's error is thrown as it is.
 */
export class DirectoryState implements TrustState {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Opens a folder; it is created, for its owner alone, if it is not there. What a process left that died goes. */
  static async open(folder: string): Promise<DirectoryState> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const state = new DirectoryState(folder)
    if ((await partsIn(folder)).length > 0) await state.#alone(() => sweepParts(folder))
    return state
  }

  async read(role: string): Promise<Uint8Array | undefined> {
    return await readIfThere(this.#path(role))
  }

  async swap(role: string, expected: Uint8Array | undefined, next: Uint8Array | undefined): Promise<boolean> {
    return await this.#alone(async () => {
      const stored = await this.read(role)
      if (!isSame(stored, expected)) return false
      const path = this.#path(role)
      if (next !== undefined) await writeWhole(path, next, { mode: 0o600 })
      else {
        await rm(path, { force: true })
        await syncFolder(this.#folder)
      }
      return true
    })
  }

  #path(role: string): string {
    return join(this.#folder, role === FIRST_ROOT ? '.first-root' : roleFile(role))
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return withLock(join(this.#folder, '.lock'), work)
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}

/**
 * Runs `work` while no other process does, on this file. SQLite's lock is the one in Node that the system lets go of when its
 * holder dies, so that no leftover needs to be judged; nothing is ever written to the file.
 */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    await lock(database, path)
    return await work()
  } finally {
    database.close()
  }
}

async function lock(database: DatabaseSync, path: string): Promise<void> {
  const since = performance.now()
  for (;;) {
    try {
      database.exec('BEGIN EXCLUSIVE')
      return
    } catch (cause) {
      if (!isBusy(cause)) {
        throw new TrustError('state-invalid', `${path} is no lock any more: delete it; nothing is kept in it.`, {
          cause,
        })
      }
      if (performance.now() - since > STATE_LOCK_MS) {
        throw new TrustError('state-changed', 'Another process is writing the trusted state and does not end.', {
          cause,
        })
      }
    }
    await delay(STATE_LOCK_POLL_MS)
  }
}

/** https://sqlite.org/rescode.html: the low byte of SQLITE_BUSY and its kin. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}
