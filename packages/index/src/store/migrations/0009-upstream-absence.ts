import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** That an upstream does not have a project any more. Adds a column, and touches no row. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  await sql.raw(`alter table upstream_page add column absent ${int} not null default 0`).execute(db)
}

/**
 * The version before takes every row for that of a project which its upstream has. One that says what the upstream has closed stays: that
 * version goes by it, until it sees for itself that the project is gone.
 */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw("delete from upstream_page where absent = 1 and status = 'active'").execute(db)
  await sql.raw('alter table upstream_page drop column absent').execute(db)
}

export const loses =
  'When upstreams were last seen not to have a project that they had, and, from the next look of the version before on, that they had quarantined it: a copy that is kept here is offered again. To keep such a project closed: waxseal project status NAME quarantined.'
