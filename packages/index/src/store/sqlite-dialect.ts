import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type SqliteDatabase,
  type SqliteStatement,
} from 'kysely'
import {
  SQLITE_BUSY_TIMEOUT,
  SQLITE_CACHE_SIZE,
  SQLITE_KEPT_STATEMENT_LENGTH,
  SQLITE_STATEMENT_CACHE,
} from '../limits.ts'
import { cannotUseSqlite } from './errors.ts'

/**
 * Opens `path` in WAL mode with durable commits, creating it for this user alone (tokens' hashes are inside; SQLite gives
 * the `-wal` and `-shm` files the mode of the main one). A `readOnly` connection needs a database that exists.
 *
 * @throws IndexError `storage-failed`, `storage-full`
 */
export function openSqlite(path: string, readOnly: boolean): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    if (!readOnly) closeSync(openSync(path, 'a', 0o600))
    database = new DatabaseSync(path, { readOnly, timeout: SQLITE_BUSY_TIMEOUT, enableForeignKeyConstraints: true })
    // What undoes a statement that fails in its midst stays in memory: on a read-only root there is no folder for such files.
    if (!readOnly) database.exec('pragma journal_mode = wal; pragma temp_store = memory')
    database.exec(`pragma synchronous = full; pragma cache_size = -${SQLITE_CACHE_SIZE / 1024}`)
    return database
  } catch (error) {
    database?.close()
    throw cannotUseSqlite(path, error)
  }
}

/** Kysely on one node:sqlite connection; Kysely itself queues whoever wants the connection while a transaction has it. */
export class NodeSqliteDialect extends SqliteDialect {
  readonly #database: DatabaseSync
  readonly #begin: BeginMode

  constructor(database: DatabaseSync, begin: BeginMode = 'immediate') {
    super({ database: adapt(database) })
    this.#database = database
    this.#begin = begin
  }

  override createDriver(): SqliteDriver {
    return new BeginningDriver(this.#database, this.#begin)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

/**
 * `immediate` takes the write lock at the start: a transaction that reads first could otherwise fail half-way with
 * SQLITE_BUSY. `deferred` is for one that only reads.
 */
type BeginMode = 'immediate' | 'deferred'

class BeginningDriver extends SqliteDriver {
  readonly #database: DatabaseSync
  readonly #begin: BeginMode

  constructor(database: DatabaseSync, begin: BeginMode) {
    super({ database: adapt(database) })
    this.#database = database
    this.#begin = begin
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`begin ${this.#begin}`))
  }

  /** A full or failing disk makes SQLite roll back by itself; a second rollback would hide why (sqlite.org/lang_transaction.html). */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await super.rollbackTransaction(connection)
  }
}

/** SQLite's DDL is transactional: a crash within a migration leaves the schema as it was. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/**
 * What Kysely expects of a SQLite driver. The statements that were used last are kept prepared; one that is let go is
 * closed at once, since its memory is SQLite's own, which the garbage collector knows nothing of. A long one, as are those
 * with a parameter for each row of a batch, is not kept at all: it takes up to a megabyte, and its like may not come again.
 */
function adapt(database: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, Prepared>()
  return {
    close: () => database.close(),
    prepare(sql) {
      if (sql.length > SQLITE_KEPT_STATEMENT_LENGTH) return adaptOnce(database, sql)
      const statement = prepared.get(sql) ?? prepare(database, sql)
      // A Map keeps the order of insertion: putting it in again makes it the youngest.
      prepared.delete(sql)
      prepared.set(sql, statement)
      for (const [oldest, old] of prepared) {
        if (prepared.size <= SQLITE_STATEMENT_CACHE) break
        prepared.delete(oldest)
        close(old.statement)
      }
      return adaptStatement(database, sql, statement)
    },
  }
}

type Values = Parameters<StatementSync['run']>

interface Prepared {
  readonly statement: StatementSync
  /** Whether it gives rows. Asked once: an object for each column is made to answer it. */
  readonly reader: boolean
}

function prepare(database: DatabaseSync, sql: string): Prepared {
  const statement = database.prepare(sql)
  return { statement, reader: statement.columns().length > 0 }
}

function adaptStatement(database: DatabaseSync, sql: string, { statement, reader }: Prepared): SqliteStatement {
  return {
    reader,
    all: (values) => statement.all(...(values as Values)),
    run: (values) => statement.run(...(values as Values)),
    // A statement of its own: the prepared one may be used again while this one is still being walked.
    iterate: (values) => database.prepare(sql).iterate(...(values as Values)),
  }
}

/** Prepared for one use, whichever it is. */
function adaptOnce(database: DatabaseSync, sql: string): SqliteStatement {
  const { statement, reader } = prepare(database, sql)
  const once = <T>(use: () => T): T => {
    try {
      return use()
    } finally {
      close(statement)
    }
  }
  return {
    reader,
    all: (values) => once(() => statement.all(...(values as Values))),
    run: (values) => once(() => statement.run(...(values as Values))),
    iterate: (values) => statement.iterate(...(values as Values)),
  }
}

/** Node 26 can; before, the garbage collector does it in the end. */
function close(statement: StatementSync & { readonly close?: () => void }): void {
  statement.close?.()
}
