import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** The register of names: look-alikes, members, teams, transfers, and who downloads what. Adds tables and indexes, and touches no row. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const holder = `${text} not null check (holder_kind in ('user', 'team'))`
  const statements = [
    // Over what a name looks like, which follows from the name: no column that an older program would have to fill.
    `create index project_form on project
      (replace(replace(replace(replace(name, '-', ''), 'l', '1'), 'i', '1'), 'o', '0'))`,

    `create table team (
      name ${text} primary key,
      created_at ${text} not null
    ) ${strict}`,

    `create table team_member (
      team ${text} not null references team (name),
      member ${text} not null references "user" (name),
      since ${text} not null,
      primary key (team, member)
    ) ${strict}`,
    'create index team_member_member on team_member (member)',

    `create table member (
      project ${text} not null,
      holder_kind ${holder},
      holder ${text} not null,
      role ${text} not null check (role in ('owner', 'maintainer')),
      since ${text} not null,
      primary key (project, holder_kind, holder)
    ) ${strict}`,
    'create index member_holder on member (holder_kind, holder)',

    `create table transfer (
      project ${text} not null,
      number ${int} not null,
      holder_kind ${holder},
      holder ${text} not null,
      asked_at ${text} not null,
      asked_by ${text} not null,
      answered_at ${text},
      answered_by ${text},
      answer ${text} check (answer in ('accepted', 'declined', 'withdrawn')),
      primary key (project, number)
    ) ${strict}`,
    // One question at a time, in the database.
    'create unique index transfer_open on transfer (project) where answered_at is null',
    'create index transfer_holder on transfer (holder_kind, holder)',

    `create table name_claim (
      project ${text} primary key,
      at ${text} not null,
      actor ${text} not null,
      address ${text}
    ) ${strict}`,
    'create index name_claim_actor on name_claim (actor, at)',
    'create index name_claim_address on name_claim (address, at)',
    'create index name_claim_at on name_claim (at)',

    `create table download_tally (
      project ${text} not null,
      day ${text} not null,
      who ${text} not null,
      downloads ${int} not null,
      primary key (project, day, who)
    ) ${strict}`,
    'create index download_tally_day on download_tally (day)',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Nothing that an index offers is in these tables. */
export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['download_tally', 'name_claim', 'transfer', 'member', 'team_member', 'team'])
    await sql.raw(`drop table ${table}`).execute(db)
  await sql.raw('drop index project_form').execute(db)
}

export const loses =
  'Who owns and maintains which project, teams, transfers, and the tally of downloads: whoever may upload may upload to every project of this index again. No project, file, decision, user or token is touched.'
