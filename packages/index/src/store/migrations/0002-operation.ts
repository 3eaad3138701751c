import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** Leases, marked garbage and running servers: what operating an index needs. Adds tables and touches no other. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `create table lease (
      name ${text} primary key,
      holder ${text} not null,
      expires_at ${text} not null
    ) ${strict}`,

    `create table garbage (
      sha256 ${text} primary key,
      touched ${text} not null,
      marked_at ${text} not null
    ) ${strict}`,

    `create table node (
      id ${text} primary key,
      started_at ${text} not null,
      seen_at ${text} not null,
      version ${text} not null,
      status ${text} not null
    ) ${strict}`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Nothing that an index offers is in these tables. */
export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['node', 'garbage', 'lease']) await sql.raw(`drop table ${table}`).execute(db)
}

export const loses =
  'What `waxseal gc` had marked, which it will mark again, and the list of running servers. No project, file, decision, user or token is touched.'
