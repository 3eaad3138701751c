import type { Transaction } from 'kysely'
import type { Database } from '../store/schema.ts'

/** What can change about a project; the words bandersnatch's users know from PyPI's journal, and ours for the rest. */
export type JournalAction =
  | 'authority'
  | 'clock'
  | 'create'
  | 'file-add'
  | 'file-remove'
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
