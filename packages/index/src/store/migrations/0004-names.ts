import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** Namespaces, the deny list, approvals and merges, and the bodies of what is signed about names. Only adds. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const int = dialect === 'postgres' ? 'bigint' : 'integer'
  const strict = dialect === 'sqlite' ? 'strict' : ''
  const statements = [
    `alter table project add column merge_rule ${text}`,
    `alter table project add column next_change_at ${text}`,
    'create index project_next_change on project (next_change_at) where next_change_at is not null',
    // When its age begins; null for files that were admitted before.
    `alter table file add column age_from ${text}`,

    `create table namespace (
      name ${text} primary key,
      owner ${text} not null,
      visibility ${text} not null check (visibility in ('public', 'private')),
      claims ${text} not null check (claims in ('offline', 'online')),
      since ${text} not null,
      granted_by ${text} not null
    ) ${strict}`,

    `create table denial (
      n ${int} primary key,
      project ${text} not null,
      shard ${text} not null,
      version ${text},
      sha256 ${text},
      overlay ${text} not null check (overlay in ('quarantined', 'blocked')),
      reason ${text} not null,
      since ${text} not null,
      until ${text},
      denied_by ${text} not null,
      lifted_at ${text},
      lifted_by ${text}
    ) ${strict}`,
    'create index denial_project on denial (project, n)',
    'create index denial_standing on denial (shard, n) where lifted_at is null',

    `create table approval (
      project ${text} not null,
      sha256 ${text} not null,
      approver ${text} not null,
      filename ${text} not null,
      at ${text} not null,
      primary key (project, sha256, approver)
    ) ${strict}`,

    // What would open a sealed name waits here until holders have signed it (design.md section 7).
    `create table opening (
      project ${text} not null,
      kind ${text} not null,
      body ${text} not null,
      asked_at ${text} not null,
      asked_by ${text} not null,
      primary key (project, kind, body)
    ) ${strict}`,

    // What is signed about names, as it is sent; whoever has the snapshot before may still ask for what was replaced.
    `create table target (
      role ${text} not null,
      path ${text} not null,
      sha256 ${text} not null,
      body ${text} not null,
      superseded_at ${text},
      primary key (role, path, sha256)
    ) ${strict}`,
    'create index target_superseded on target (superseded_at) where superseded_at is not null',

    // Names that were decided before are signed with the first publish, and their pages say whose files they list: a guard goes by it.
    `update page set content_sha256 = '' where exists (select 1 from setting where key = 'trust')
      and project in (select name from project where rev > 0)`,
    `insert into journal (project, action, at, actor, snapshot) select name, 'record', created_at, null, null from project where rev > 0`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Pages show again what was denied, and names that were merged answer as before the merge. */
export async function down(db: Kysely<unknown>): Promise<void> {
  const statements = [
    'drop table target',
    'drop table opening',
    'drop table approval',
    'drop table denial',
    'drop table namespace',
    'drop index project_next_change',
    'alter table file drop column age_from',
    'alter table project drop column next_change_at',
    // The version before knows no merged names: they go on with the one source that they belong to.
    `update project set authority = case when upstream is null then 'internal' else 'upstream' end where authority = 'merged'`,
    'alter table project drop column merge_rule',
    `delete from journal where action in ('record', 'denial', 'approval', 'merge', 'namespace') and snapshot is null`,
    `delete from setting where key in ('denial-next', 'policy-rev', 'namespaces-rev')`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export const loses =
  'The deny list, approvals, merges and granted namespaces: what was quarantined or blocked by a denial is offered again.'
