import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** What was found in the project lists of upstreams, and how far each webhook has come. Adds tables and touches no other. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `create table upstream_list (
      upstream ${text} primary key,
      checked_at ${text} not null,
      read_at ${text},
      names ${int} not null,
      beyond ${int} not null,
      etag ${text},
      last_modified ${text},
      own_sha256 ${text},
      failing_since ${text},
      reason ${text},
      told ${int} not null,
      shrunk_since ${text}
    ) ${strict}`,

    `create table upstream_finding (
      upstream ${text} not null,
      name ${text} not null,
      kind ${text} not null,
      own ${text} not null,
      since ${text} not null,
      primary key (upstream, name)
    ) ${strict}`,

    `create table webhook (
      name ${text} primary key,
      last_event ${int} not null,
      attempts ${int} not null,
      next_at ${text},
      failing_since ${text},
      reason ${text},
      told ${int} not null,
      delivered_at ${text}
    ) ${strict}`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Nothing that an index offers is in these tables. */
export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['webhook', 'upstream_finding', 'upstream_list']) await sql.raw(`drop table ${table}`).execute(db)
}

export const loses =
  'What the sentinel had found, which it will find and tell of again, and which events each webhook had got. No project, file, decision, user or token is touched.'
