import { existsSync } from 'node:fs'
import { Kysely, sql } from 'kysely'
import type { Dialect } from 'kysely'
import { IndexError } from '../error.ts'
import type { Database } from './schema.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite-dialect.ts'
import type { StoreOptions } from './store.ts'

/** What is in a database, read without changing anything: no table is made, none migrated. */
export interface DatabaseContent {
  /** The tables that have rows, those of the migrator aside. */
  readonly filled: readonly string[]
  /** The value of a setting; undefined without one. */
  setting(key: string): string | undefined
}

/** @throws IndexError `storage-failed` when it cannot be reached */
export async function lookAtDatabase(options: StoreOptions): Promise<DatabaseContent> {
  if (options.kind === 'sqlite' && !existsSync(options.path)) return { filled: [], setting: () => undefined }
  const db = new Kysely<Database>({ dialect: await dialectOf(options) })
  try {
    const filled: string[] = []
    for (const { name, schema } of await db.introspection.getTables()) {
      const { rows } =
        await sql`select 1 from ${schema === undefined ? sql.table(name) : sql.table(`${schema}.${name}`)} limit 1`.execute(
          db,
        )
      if (rows.length > 0) filled.push(name)
    }
    const settings = filled.includes('setting') ? await db.selectFrom('setting').selectAll().execute() : []
    const values = new Map(settings.map(({ key, value }) => [key, value]))
    return { filled, setting: (key) => values.get(key) }
  } catch (error) {
    throw new IndexError('storage-failed', 'The database cannot be read.', { cause: error })
  } finally {
    await db.destroy()
  }
}

async function dialectOf(options: StoreOptions): Promise<Dialect> {
  if (options.kind === 'sqlite') return new NodeSqliteDialect(openSqlite(options.path, true))
  const { openPostgresPool, postgresDialect } = await import('./postgres-dialect.ts')
  return postgresDialect(openPostgresPool(options.url, true))
}
