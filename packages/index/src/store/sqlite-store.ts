import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { makeFile } from '../blobs/folder-owner.ts'
import { makeFolders } from '../blobs/make-folders.ts'
import { Kysely, type Transaction } from 'kysely'
import { SQLITE_READ_LOCK_TIMEOUT, SQLITE_WRITE_LOCK_TIMEOUT } from '../limits.ts'
import { bringUpToDate, type Opening } from './bring-up-to-date.ts'
import { NestingGuard } from './nested.ts'
import { cannotUseSqlite, isTransient } from './errors.ts'
import { retryTransient } from './retry.ts'
import type { Database } from './schema.ts'
import { keepCopy } from './sqlite-copy.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite-dialect.ts'
import type { Durability, Store } from './store.ts'

/** Opens the SQLite database at `path`, making it and its folder where needed. */
export async function openSqliteStore(path: string, opening: Opening): Promise<Store> {
  // Not even an empty file is left behind then.
  if (!existsSync(path)) await opening.beforeNew?.()
  const writing = await openWriting(path)
  const writer = new Kysely<Database>({ dialect: new NodeSqliteDialect(writing) })
  try {
    // Another's lock is waited for between attempts, not inside SQLite: that would stop the event loop.
    writing.exec(`pragma busy_timeout = ${SQLITE_WRITE_LOCK_TIMEOUT}`)
    await bringUpToDate(writer, 'sqlite', opening, (step) => keepCopy(writing, path, step))
    const reading = openSqlite(path, true)
    // It stops the event loop while it waits, health checks included.
    reading.exec(`pragma busy_timeout = ${SQLITE_READ_LOCK_TIMEOUT}`)
    return new SqliteStore(path, writing, writer, reading)
  } catch (error) {
    await writer.destroy()
    if (writing.isOpen) writing.close()
    throw error
  }
}

async function openWriting(path: string): Promise<DatabaseSync> {
  try {
    makeFolders(dirname(path), 0o700)
    await makeFile(path)
  } catch (error) {
    throw cannotUseSqlite(path, error)
  }
  return openSqlite(path, false)
}

/**
 * Two connections: transactions queue for the one that writes, while the other reads, in autocommit mode, what is
 * committed. On a single connection a read would see the rows of whatever transaction is just waiting for something.
 */
class SqliteStore implements Store {
  readonly kind = 'sqlite'
  readonly db: Kysely<Database>
  readonly #path: string
  readonly #writer: Kysely<Database>
  readonly #nesting = new NestingGuard()
  readonly #writing: DatabaseSync
  readonly #connections: readonly DatabaseSync[]
  readonly #readVersion: () => unknown
  readonly #nextTurn = (): void => {
    this.#asked = false
  }
  #asked = false
  #version: unknown
  #durability: Durability = 'at-once'

  constructor(path: string, writing: DatabaseSync, writer: Kysely<Database>, reading: DatabaseSync) {
    this.#path = path
    this.#writer = writer
    this.#writing = writing
    this.db = new Kysely<Database>({ dialect: new NodeSqliteDialect(reading) })
    this.#connections = [reading, writing]
    // The number moves when another connection has written (sqlite.org/pragma.html#pragma_data_version); asked on the
    // writing one, only that of another process can.
    const statement = writing.prepare('pragma data_version')
    this.#readVersion = () => statement.get()?.['data_version']
    this.#version = this.#readVersion()
  }

  async transaction<T>(work: (tx: Transaction<Database>) => Promise<T>, durability?: Durability): Promise<T> {
    const once = () =>
      this.#writer.connection().execute((alone) => {
        this.#synchronize(durability ?? 'at-once')
        return alone.transaction().execute(work)
      })
    return this.#nesting.run(() => retryTransient(once))
  }

  /**
   * Without a sync of its own a commit is in the write-ahead log all the same, which the next one that has it syncs as a
   * whole (sqlite.org/pragma.html#pragma_synchronous). Nothing may be set within a transaction: called before it begins.
   */
  #synchronize(durability: Durability): void {
    if (durability === this.#durability) return
    this.#writing.exec(`pragma synchronous = ${durability === 'at-once' ? 'full' : 'normal'}`)
    this.#durability = durability
  }

  /** On a connection of its own: `db` goes on to see what is committed meanwhile. */
  async consistently<T>(work: (snapshot: Transaction<Database>) => Promise<T>): Promise<T> {
    const db = new Kysely<Database>({ dialect: new NodeSqliteDialect(openSqlite(this.#path, true), 'deferred') })
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
    // Once a turn of the event loop: what the requests of this turn ask for was on its way before it began.
    if (this.#asked) return false
    this.#asked = true
    setImmediate(this.#nextTurn)
    let version: unknown
    try {
      version = this.#readVersion()
    } catch (error) {
      // Held exclusively for a moment, by whom nothing can be committed: what is known holds.
      if (isTransient(error)) return false
      throw error
    }
    const changed = version !== this.#version
    this.#version = version
    return changed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.destroy()
    await this.#writer.destroy()
    // Kysely closes only what it has used.
    for (const connection of this.#connections) if (connection.isOpen) connection.close()
  }
}
