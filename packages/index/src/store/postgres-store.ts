import { Kysely, sql, type Transaction } from 'kysely'
import type pg from 'pg'
import { IndexError } from '../error.ts'
import { POSTGRES_POLL_INTERVAL, POSTGRES_TURN_WAIT } from '../limits.ts'
import { NAMESPACES_REVISION } from '../names/namespaces.ts'
import { bringUpToDate, requireCurrent, type Opening } from './bring-up-to-date.ts'
import { NestingGuard } from './nested.ts'
import { openPostgresPool, postgresDialect } from './postgres-dialect.ts'
import { readOnlyError } from './read-only.ts'
import { boundToState } from './latest-committed.ts'
import { retryTransient } from './retry.ts'
import type { Database } from './schema.ts'
import type { Durability, Store } from './store.ts'
import { Turns } from './turns.ts'

/** How often a transaction loses against others before it runs alone. */
const LOST_TOGETHER = 4

/** Opens the PostgreSQL database at `url`, which must exist; its tables are made where needed. */
export async function openPostgresStore(url: string, opening: Opening): Promise<Store> {
  const writing = openPostgresPool(url, false)
  const reading = openPostgresPool(url, true)
  try {
    await reach(writing)
    const db = new Kysely<Database>({ dialect: postgresDialect(writing) })
    await bringUpToDate(db, 'postgres', opening)
    return new PostgresStore(writing, reading)
  } catch (error) {
    await Promise.all([writing.end(), reading.end()])
    throw error
  }
}

/** As `openPostgresStore`, never writing: the database itself refuses it on these connections. */
export async function openReadOnlyPostgresStore(url: string): Promise<Store> {
  const reading = openPostgresPool(url, true)
  try {
    await reach(reading)
    const store = new PostgresStore(undefined, reading)
    await requireCurrent(store.db)
    return store
  } catch (error) {
    await reading.end()
    throw error
  }
}

async function reach(pool: pg.Pool): Promise<void> {
  try {
    await pool.query('select 1')
  } catch (error) {
    throw new IndexError('storage-failed', 'The PostgreSQL database cannot be reached.', { cause: error })
  }
}

class PostgresStore implements Store {
  readonly kind = 'postgres'
  readonly db: Kysely<Database>
  /** Undefined: nothing is ever written. */
  readonly #writer: Kysely<Database> | undefined
  readonly #nesting = new NestingGuard()
  readonly #turns = new Turns(POSTGRES_TURN_WAIT)
  /** The newest snapshot and the revision of the namespaces. */
  #version = '0 0'
  #asked = 0
  #asking: Promise<boolean> | undefined

  constructor(writing: pg.Pool | undefined, reading: pg.Pool) {
    this.#writer = writing && new Kysely<Database>({ dialect: postgresDialect(writing) })
    this.db = new Kysely<Database>({ dialect: postgresDialect(reading) })
  }

  /**
   * SERIALIZABLE, because SQLite's transactions are: a rule that reads, decides and writes is then right on both without
   * row locks (two uploads into one release, a first download against an upload). The price is a repetition at a conflict; one
   * that has lost several times has the database to itself, as far as this process goes: among many small ones it might
   * otherwise lose for ever.
   */
  async transaction<T>(work: (tx: Transaction<Database>) => Promise<T>, durability?: Durability): Promise<T> {
    const writer = this.#writer
    if (writer === undefined) throw readOnlyError()
    const once = (): Promise<T> =>
      writer
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (tx) => {
          boundToState(tx, this.db)
          // The log is flushed in order: the next commit that waits for it waits for this one too.
          if (durability === 'with-the-next') await sql`set local synchronous_commit = off`.execute(tx)
          return await work(tx)
        })
    return this.#nesting.run(() =>
      retryTransient((lost) => (lost < LOST_TOGETHER ? this.#turns.together(once) : this.#turns.alone(once))),
    )
  }

  consistently<T>(work: (snapshot: Transaction<Database>) => Promise<T>): Promise<T> {
    const transaction = this.db.transaction().setAccessMode('read only').setIsolationLevel('repeatable read')
    return transaction.execute(async (snapshot) => {
      // The state is that of the first query.
      await snapshot.selectFrom('setting').select('key').limit(1).execute()
      return await work(snapshot)
    })
  }

  changedElsewhere(): boolean | Promise<boolean> {
    if (this.#asking !== undefined || performance.now() - this.#asked < POSTGRES_POLL_INTERVAL) return false
    this.#asking = this.#ask().finally(() => {
      this.#asking = undefined
      this.#asked = performance.now()
    })
    return this.#asking
  }

  async #ask(): Promise<boolean> {
    // A namespace may be granted where there is nothing to publish.
    const row = await this.db
      .selectNoFrom((eb) => [
        eb
          .selectFrom('snapshot')
          .select(({ fn }) => fn.max('version').as('version'))
          .as('snapshot'),
        eb.selectFrom('setting').select('value').where('key', '=', NAMESPACES_REVISION).as('namespaces'),
      ])
      .executeTakeFirstOrThrow()
    const version = `${row.snapshot ?? 0} ${row.namespaces ?? 0}`
    const changed = version !== this.#version
    this.#version = version
    return changed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.db.destroy(), this.#writer?.destroy()])
  }
}
