import { sql } from 'kysely'
import type { Expression, ExpressionBuilder, SqlBool, Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { PUBLISH_BATCH } from '../limits.ts'
import { isCovered } from '../names/granting.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** What can change about a project; the words bandersnatch's users know from PyPI's journal, and ours for the rest. */
export type JournalAction =
  | 'approval'
  | 'authority'
  | 'clock'
  | 'create'
  | 'denial'
  | 'file-add'
  | 'file-remove'
  | 'merge'
  | 'namespace'
  | 'record'
  | 'refresh'
  | 'release-yank'
  | 'release-unyank'
  | 'restore'
  | 'status'

export interface JournalEntry {
  readonly project: string
  readonly action: JournalAction
  readonly at: string
  readonly actor: string | null
}

/** The last write of every transaction that changes what is offered (design.md section 3, point 1). Returns its number. */
export async function appendJournal(tx: Transaction<Database>, entry: JournalEntry): Promise<number> {
  const row = await tx
    .insertInto('journal')
    .values({ ...entry, snapshot: null })
    .returning('seq')
    .executeTakeFirstOrThrow()
  return row.seq
}

/** Journals the projects whose pages change by the clock alone and are due (design.md section 3, point 1). */
export async function journalDue(store: Store, clock: Clock): Promise<void> {
  const at = isoTime(clock)
  const due = store.db.selectFrom('project').select('name').where('next_change_at', '<=', at)
  for (;;) {
    const some = await due.orderBy('next_change_at').limit(PUBLISH_BATCH).execute()
    if (some.length === 0) return
    await store.transaction(async (tx) => {
      const names = some.map(({ name }) => name)
      await tx.updateTable('project').set({ next_change_at: null }).where('name', 'in', names).execute()
      const entry = { action: 'clock', at, actor: null, snapshot: null } as const
      await tx
        .insertInto('journal')
        .values(names.map((project) => ({ project, ...entry })))
        .execute()
    })
  }
}

/**
 * Journals all projects about which something was decided: their records are signed with the next publish, and their pages say whose
 * files they list.
 */
export async function journalRecords(tx: Transaction<Database>, at: string): Promise<void> {
  const decided = tx.selectFrom('project').select('name').where('rev', '>', 0)
  // Equal to no page's content: the publisher finds each of them changed.
  await tx.updateTable('page').set({ content_sha256: '' }).where('project', 'in', decided).execute()
  await journalProjects(tx, { action: 'record', at, actor: null }, (eb) => eb('rev', '>', 0))
}

/** Journals every project that there is a record of and that `namespace` covers. */
export async function journalCovered(
  tx: Transaction<Database>,
  namespace: string,
  entry: Omit<JournalEntry, 'project'>,
): Promise<void> {
  await journalProjects(tx, entry, isCovered(namespace))
}

async function journalProjects(
  tx: Transaction<Database>,
  { action, at, actor }: Omit<JournalEntry, 'project'>,
  which: (eb: ExpressionBuilder<Database, 'project'>) => Expression<SqlBool>,
): Promise<void> {
  await tx
    .insertInto('journal')
    .columns(['project', 'action', 'at', 'actor', 'snapshot'])
    .expression((eb) =>
      eb
        .selectFrom('project')
        .select([
          'name',
          sql<string>`${action}`.as('action'),
          sql<string>`${at}`.as('at'),
          sql<string | null>`${actor}`.as('actor'),
          sql<number | null>`null`.as('snapshot'),
        ])
        .where(which)
        .orderBy('name'),
    )
    .execute()
}
