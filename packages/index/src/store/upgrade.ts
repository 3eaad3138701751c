import { Kysely, type Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Opening, Upgraded } from './bring-up-to-date.ts'
import { isHeld } from './lease.ts'
import type { SchemaState } from './migrations/index.ts'
import { cannotUseSqlite, isUnavailable } from './errors.ts'
import { migrateBack, schemaState } from './migrations/index.ts'
import { openPostgresPool, postgresDialect } from './postgres-dialect.ts'
import { retryTransient } from './retry.ts'
import { refuseBesideServer } from './running-nodes.ts'
import type { Database } from './schema.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite-dialect.ts'
import { copyPath, sizeOf } from './sqlite-copy.ts'
import type { StoreOptions } from './store.ts'
import { openStore } from './store.ts'

/** What an upgrade would find and do. */
export interface UpgradePlan extends SchemaState {
  /** The copy of a SQLite database that is kept before the first pending step. */
  readonly copy: { readonly path: string; readonly bytes: number } | undefined
}

/** Refuses a database that is not meant: `onlyOfFolder`. */
type Belongs = Pick<Opening, 'beforeNew' | 'beforeEarlier'>

/**
 * Looks at the schema of a database and changes nothing.
 *
 * @throws IndexError `config-invalid` when a newer version wrote it; `storage-failed` when it cannot be opened
 */
export function planUpgrade(options: StoreOptions, belongs: Belongs): Promise<UpgradePlan> {
  return withRawDatabase(options, true, async (db, bytes) => {
    const state = await schemaState(db)
    await (state.applied.length > 0 ? belongs.beforeEarlier?.(db) : belongs.beforeNew?.())
    const [next] = state.pending
    const earlier = next !== undefined && state.applied.length > 0 && options.kind === 'sqlite'
    return { ...state, copy: earlier ? { path: copyPath(options.path, next), bytes } : undefined }
  })
}

/**
 * Brings a database up to this version, as starting a server does; undefined when it was already.
 *
 * @throws IndexError as `openStore`
 */
export async function upgradeStore(options: StoreOptions, opening: Opening): Promise<Upgraded | undefined> {
  let upgraded: Upgraded | undefined
  await using _ = await openStore(options, { ...opening, onUpgraded: (told) => (upgraded = told) })
  return upgraded
}

/**
 * Takes back what this release brought, so that the one before can start on the database again; the steps, newest first. A
 * read-only server cannot be seen: it writes nothing.
 *
 * @throws IndexError `conflict` while a server or a command of this version is at work; `not-allowed` when there is
 *   nothing to take back
 */
export function takeStepBack(options: StoreOptions, clock: Clock): Promise<readonly string[]> {
  return withRawDatabase(options, false, (db) =>
    retryTransient(() => migrateBack(db, options.kind, clock, (tx) => refuseWhileInUse(tx, clock))),
  )
}

async function refuseWhileInUse(tx: Transaction<Database>, clock: Clock): Promise<void> {
  await refuseBesideServer(tx, clock)
  const lease = (await tx.selectFrom('lease').selectAll().execute()).find((row) => isHeld(row, clock))
  if (lease === undefined) return
  throw new IndexError(
    'conflict',
    `Another command is at work on this index (${lease.holder}). Wait for its end, at the latest ${lease.expires_at}.`,
  )
}

/** Runs `work` on a database as it is, bringing nothing up to date; with the bytes that a SQLite database takes. */
async function withRawDatabase<T>(
  options: StoreOptions,
  readOnly: boolean,
  work: (db: Kysely<Database>, bytes: number) => Promise<T>,
): Promise<T> {
  if (options.kind === 'sqlite') {
    const database = openSqlite(options.path, readOnly)
    const db = new Kysely<Database>({ dialect: new NodeSqliteDialect(database) })
    try {
      return await work(db, sizeOf(database))
    } catch (error) {
      throw isUnavailable(error) ? cannotUseSqlite(options.path, error) : error
    } finally {
      await db.destroy()
      if (database.isOpen) database.close()
    }
  }
  const db = new Kysely<Database>({ dialect: postgresDialect(openPostgresPool(options.url, readOnly)) })
  try {
    return await work(db, 0)
  } catch (error) {
    if (error instanceof IndexError) throw error
    throw new IndexError('storage-failed', 'The PostgreSQL database cannot be reached or used.', { cause: error })
  } finally {
    await db.destroy()
  }
}
