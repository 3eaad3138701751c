import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** Who did what, one chain over all of it. Adds a table that the database itself refuses to change. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `create table audit (
      id ${int} primary key,
      at ${text} not null,
      actor ${text},
      credential ${text},
      address ${text},
      action ${text} not null,
      subject ${text},
      "before" ${text},
      "after" ${text},
      prev ${text},
      hash ${text} not null
    ) ${strict}`,
    'create index audit_subject on audit (subject, id)',
    ...(dialect === 'postgres' ? POSTGRES_GUARD : SQLITE_GUARD),
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const REFUSAL = 'the audit is append-only'

const POSTGRES_GUARD = [
  `create function audit_is_append_only() returns trigger language plpgsql as $$
    begin raise exception '${REFUSAL}'; end
  $$`,
  `create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only()`,
]

const SQLITE_GUARD = [
  ...['update', 'delete'].map(
    (change) =>
      `create trigger audit_no_${change} before ${change} on audit begin select raise(abort, '${REFUSAL}'); end`,
  ),
  // `insert or replace` deletes without asking the trigger above.
  `create trigger audit_no_replace before insert on audit when exists (select 1 from audit where id = new.id)
    begin select raise(abort, '${REFUSAL}'); end`,
]

export async function down(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  await sql.raw('drop table audit').execute(db)
  if (dialect === 'postgres') await sql.raw('drop function audit_is_append_only()').execute(db)
}

export const loses =
  'The audit: keep it first (waxseal audit export). No project, file, decision, event, user or token is touched.'
