import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { Kysely, type Transaction } from 'kysely'
import { IndexError } from '../error.ts'
import { SQLITE_CACHE_SIZE, SQLITE_READ_LOCK_TIMEOUT } from '../limits.ts'
import { sqliteCode } from './errors.ts'
import { requireCurrent } from './bring-up-to-date.ts'
import { readOnlyError } from './read-only.ts'
import type { Database } from './schema.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import type { Store } from './store.ts'

/** SQLITE_READONLY, SQLITE_IOERR and SQLITE_CANTOPEN, low bytes: how SQLite fails where it cannot make its shared memory beside the database. */
const NO_SHARED_MEMORY: ReadonlySet<number> = new Set([8, 10, 14])

/**
 * Opens the SQLite database at `path` for reading and nothing else, beside a server that writes or without one. The folder
 * may be read-only: where a writer has left `-wal` and `-shm` they are read; where neither is there (a clean stop) the
 * file is read as one that nobody changes, until it or its log changes all the same (sqlite.org/wal.html#readonly).
 *
 * @throws IndexError `storage-failed`
 */
export async function openReadOnlySqliteStore(path: string): Promise<Store> {
  const store = new ReadOnlySqliteStore(path, openReading(path))
  try {
    await requireCurrent(store.db)
    return store
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

interface Reading {
  readonly database: DatabaseSync
  readonly db: Kysely<Database>
  /** Read as a file that nobody changes: what the files were like just before; undefined: changes are seen. */
  readonly frozen?: string
}

class ReadOnlySqliteStore implements Store {
  readonly kind = 'sqlite'
  readonly #path: string
  #reading: Reading
  /** The one before: a reader may be between two of its questions. */
  #before: Reading | undefined
  #version: unknown
  /** Something was seen to change that `changedElsewhere` has not told of. */
  #untold = false

  constructor(path: string, reading: Reading) {
    this.#path = path
    this.#reading = reading
  }

  /** Whoever reads sees what is committed, whether or not anybody asks `changedElsewhere`: credentials are looked up here. */
  get db(): Kysely<Database> {
    this.#thaw()
    return this.#reading.db
  }

  async transaction<T>(): Promise<T> {
    throw readOnlyError()
  }

  /** On a connection of its own: `db` goes on to see what is committed meanwhile. */
  async consistently<T>(work: (snapshot: Transaction<Database>) => Promise<T>): Promise<T> {
    const { database } = openReading(this.#path)
    const db = new Kysely<Database>({ dialect: new NodeSqliteDialect(database, 'deferred') })
    try {
      return await db.transaction().execute(async (snapshot) => {
        // The state is that of the first read.
        await snapshot.selectFrom('setting').select('key').limit(1).execute()
        return await work(snapshot)
      })
    } finally {
      await db.destroy()
    }
  }

  changedElsewhere(): boolean {
    this.#thaw()
    const untold = this.#untold
    this.#untold = false
    if (this.#reading.frozen !== undefined) return untold
    let version: unknown
    try {
      version = this.#reading.database.prepare('pragma data_version').get()?.['data_version']
    } catch {
      // Locked for a moment: what is known holds until it can be asked.
      return untold
    }
    const changed = untold || version !== this.#version
    this.#version = version
    return changed
  }

  /**
   * A writer makes `-wal` and `-shm` before it changes anything: from then on the file is read with them. One that came and
   * went has left neither, and another file, or another time of its change.
   */
  #thaw(): void {
    const { frozen } = this.#reading
    if (frozen === undefined || frozen === stateOf(this.#path)) return
    let next: Reading
    try {
      next = openReading(this.#path)
    } catch {
      // A writer is between its files: what is known holds until they can be read.
      return
    }
    void this.#before?.db.destroy()
    this.#before = this.#reading
    this.#reading = next
    this.#untold = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reading of [this.#before, this.#reading]) {
      await reading?.db.destroy()
      // Kysely closes only what it has used.
      if (reading?.database.isOpen === true) reading.database.close()
    }
  }
}

function openReading(path: string): Reading {
  const live = tryLive(path)
  if (!(live instanceof Error)) return live
  if (!NO_SHARED_MEMORY.has(sqliteCode(live) & 0xff) || !exists(path)) {
    throw new IndexError('storage-failed', `The database ${path} cannot be read (${live.message}).`, { cause: live })
  }
  if (sizeOf(`${path}-wal`) > 0) {
    const message = `The newest changes of the database stand in ${path}-wal, and nothing can be made beside it to read them. Start a server there once that may write, or make the folder writable.`
    throw new IndexError('storage-failed', message, { cause: live })
  }
  const frozen = stateOf(path)
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return reading(new DatabaseSync(url, { readOnly: true }), frozen)
}

/** A connection that sees what others commit, or why there can be none. */
function tryLive(path: string): Reading | Error {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: SQLITE_READ_LOCK_TIMEOUT })
    database.prepare('select count(*) from sqlite_schema').get()
    return reading(database)
  } catch (error) {
    database?.close()
    if (error instanceof Error) return error
    throw error
  }
}

function reading(database: DatabaseSync, frozen?: string): Reading {
  database.exec(`pragma cache_size = -${SQLITE_CACHE_SIZE / 1024}`)
  const db = new Kysely<Database>({ dialect: new NodeSqliteDialect(database) })
  return { database, db, ...(frozen === undefined ? {} : { frozen }) }
}

/** Another text when the database or its log is another file, or was written to. */
function stateOf(path: string): string {
  const states = [path, `${path}-wal`].map((file) => {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeNs}`
  })
  return states.join(', ')
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
