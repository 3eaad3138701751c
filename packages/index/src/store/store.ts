import type { Kysely, Transaction } from 'kysely'
import type { Opening } from './bring-up-to-date.ts'
import type { Database } from './schema.ts'
import { openReadOnlySqliteStore } from './sqlite-read-only.ts'
import { openSqliteStore } from './sqlite-store.ts'

export { isUnavailable, isUniqueViolation } from './errors.ts'

/** Where the rows are: a file that one machine's processes share, or a PostgreSQL server (`postgres://…`). */
export type StoreOptions =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/**
 * When a commit has to survive a power cut: `at-once`, before it is handed on, or `with-the-next` one that does. The latter
 * is for the first of two commits of which only the second is answered for, and for what is only remembered. A crash of
 * the process loses neither, and never the earlier without the later.
 */
export type Durability = 'at-once' | 'with-the-next'

/** The database. One contract suite (`store-contract.ts`) holds for both kinds. */
export interface Store extends AsyncDisposable {
  readonly kind: StoreOptions['kind']
  /** For reading what is committed. The database refuses a write here: each belongs to a `transaction`. */
  readonly db: Kysely<Database>
  /**
   * Runs `work` as if no other transaction ran at the same time; what it returns is handed on once that is durable
   * (`at-once`, unless told otherwise).
   * `work` may run more than once (its own effects must be in `tx` alone), waits for nothing but the database, and does
   * not call `transaction` itself.
   *
   * @throws IndexError `database-busy` when others held the database for too long; else whatever `work` throws
   */
  transaction<T>(work: (tx: Transaction<Database>) => Promise<T>, durability?: Durability): Promise<T>
  /**
   * Runs `work` on one committed state of all tables, however long it takes and whatever is committed meanwhile; it may
   * only read. It holds up no writer, but the database keeps what is written over until it ends: to be short.
   */
  consistently<T>(work: (snapshot: Transaction<Database>) => Promise<T>): Promise<T>
  /**
   * Whether something was committed since the last call that this process's memory may not know of. SQLite: a commit of
   * another process, of any kind, answered synchronously in microseconds. PostgreSQL: a new snapshot, this process's own
   * included, asked at most every `POSTGRES_POLL_INTERVAL`.
   */
  changedElsewhere(): boolean | Promise<boolean>
}

/**
 * Opens the database and brings its schema up to date, unless `opening` says otherwise.
 *
 * @throws IndexError `config-invalid` when a newer version wrote it; `conflict` when an earlier one did and that is to
 *   be refused; `storage-failed` when it cannot be opened
 */
export async function openStore(options: StoreOptions, opening: Opening = {}): Promise<Store> {
  if (options.kind === 'sqlite') return openSqliteStore(options.path, opening)
  // The driver is memory that nobody without PostgreSQL should pay for.
  const { openPostgresStore } = await import('./postgres-store.ts')
  return openPostgresStore(options.url, opening)
}

/**
 * Opens the database without ever writing to it: `transaction` fails with IndexError `read-only`.
 *
 * @throws IndexError `config-invalid` when a newer version wrote it; `storage-failed` when it cannot be opened, or is of
 *   an older version that a writing server has to bring up to date first
 */
export async function openReadOnlyStore(options: StoreOptions): Promise<Store> {
  if (options.kind === 'sqlite') return openReadOnlySqliteStore(options.path)
  const { openReadOnlyPostgresStore } = await import('./postgres-store.ts')
  return openReadOnlyPostgresStore(options.url)
}
