import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** That an upstream does not have a project any more. Adds a column, and touches no row. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  await sql.raw(`alter table upstream_page add column absent ${int} not null default 0`).execute(db)
}

/** The version before takes every row for that of a project which its upstream has. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('delete from upstream_page where absent = 1').execute(db)
  await sql.raw('alter table upstream_page drop column absent').execute(db)
}

export const loses = 'When upstreams were last seen not to have a project that they had.'
