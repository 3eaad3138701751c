import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** What people who were refused ask those who decide. Adds a table, and touches no row. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `create table request (
      id ${int} primary key,
      project ${text} not null,
      version ${text},
      files ${text} not null,
      reason ${text},
      asked_by ${text},
      address ${text},
      at ${text} not null,
      state ${text} not null check (state in ('open', 'approved', 'declined', 'withdrawn')),
      answered_by ${text},
      answered_at ${text},
      answer ${text}
    ) ${strict}`,
    'create index request_state on request (state, id)',
    'create index request_asked_by on request (asked_by, at)',
    'create index request_address on request (address, at)',
    'create index request_project on request (project, state)',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Nothing that an index offers is in this table. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop table request').execute(db)
}

export const loses = 'What people asked for and how it was answered; what was approved stays approved.'
