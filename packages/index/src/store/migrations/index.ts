import { sql, type Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { IndexError } from '../../error.ts'
import { isTransient } from '../errors.ts'
import type { Dialect } from './dialect.ts'
import * as first from './0001-first.ts'
import * as operation from './0002-operation.ts'

/** In order; a released one never changes (expand and contract). */
const steps = [
  ['0001-first', first],
  ['0002-operation', operation],
] as const

/**
 * Brings the schema up to this version; a no-op when there is nothing to do. When another process does so at the same time
 * it may throw what `isTransient` knows, and is to be called again.
 *
 * @throws IndexError `config-invalid` when a newer version wrote the database; `storage-failed` when a step fails
 */
export async function migrate<Tables>(db: Kysely<Tables>, dialect: Dialect): Promise<void> {
  await refuseNewer(db)
  const migrations: Record<string, Migration> = {}
  for (const [name, step] of steps) migrations[name] = { up: (db) => step.up(db, dialect) }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (isTransient(error)) throw error
  throw new IndexError('storage-failed', 'The database could not be brought up to date; nothing was changed in it.', {
    cause: error,
  })
}

async function refuseNewer<Tables>(db: Kysely<Tables>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  const known = new Set<string>(steps.map(([name]) => name))
  const unknown = rows.find((row) => !known.has(row.name))
  if (unknown === undefined) return
  throw new IndexError(
    'config-invalid',
    `A newer version of Waxseal has written this database (it has the step ${unknown.name}); start that version, or restore a backup from before it.`,
  )
}
