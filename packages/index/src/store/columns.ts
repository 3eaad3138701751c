import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** The columns of a table in their order, as the database has them: fewer than `schema.ts` says before a migration. */
export async function columnsOf(db: Kysely<Database>, table: string): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  return tables.find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? []
}
