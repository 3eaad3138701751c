import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** Signed metadata, one row a file of a role's version. Adds a table and touches no other. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `create table tuf_file (
      role ${text} not null,
      version ${int} not null,
      body ${text} not null,
      expires_at ${text} not null,
      superseded_at ${text},
      primary key (role, version)
    ) ${strict}`,

    // The whole of what is current with its dates, and what may be let go, without a look at any body.
    'create index tuf_file_superseded on tuf_file (superseded_at, role, version, expires_at)',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Unsigned, the index answers as before; whoever has trusted it refuses that. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop table tuf_file').execute(db)
  // Else the index would still say that it is signed when it comes forward again.
  await sql.raw("delete from setting where key in ('trust', 'trust-raise')").execute(db)
}

export const loses =
  'Everything that was signed. The index goes on unsigned, and clients that have trusted it refuse it. To sign it again, under a new root: waxseal init. No project, file, decision, user or token is touched.'
