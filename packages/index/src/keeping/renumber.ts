import { sql, type Transaction } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { RESTORE_MIN_JUMP } from '../limits.ts'
import { noteDenialJump } from '../names/deny-list.ts'
import { journalRecords } from '../publish/journal.ts'
import type { JournalAction } from '../publish/journal.ts'
import { noteRaise } from '../publish/pending-raise.ts'
import { readRoleTable } from '../publish/trust-settings.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Manifest } from './backup-format.ts'
import { COUNTERS } from './backup-format.ts'

/**
 * How far the numbers of a restored index jump. What was published after the backup is lost, but clients and mirrors may
 * have seen its numbers. Publishing is a chain of durable transactions, none of which takes less than a millisecond: so
 * many numbers at most as milliseconds went by. The floor is for clocks that do not agree.
 */
export function jumpSince(backupAt: string, now: number): number {
  return Math.max(0, now - Date.parse(backupAt)) + RESTORE_MIN_JUMP
}

/**
 * Puts every number that a restored index will give above all that its lost history can have given, and journals every
 * page so that it is published anew under such a number (design.md section 7). Versions of signed roles rise when that is
 * signed: here is noted by how much. Returns the snapshot to publish upon.
 */
export async function renumber(
  kind: Store['kind'],
  tx: Transaction<Database>,
  clock: Clock,
  manifest: Manifest,
  above?: number,
): Promise<number> {
  const at = isoTime(clock)
  const jump = jumpSince(manifest.at, clock.now())
  const snapshot = above ?? manifest.snapshot + jump
  for (const table of ['file', 'event', 'journal'] as const) {
    await setCounter(kind, tx, table, manifest.counters[table] + jump)
  }
  if (snapshot > manifest.snapshot) {
    await tx.insertInto('snapshot').values({ version: snapshot, at, publisher: 'restore', projects: 0 }).execute()
  }
  // No snapshot brings out two versions of a role, and a timestamp between two snapshots takes its millisecond too.
  if ((await readRoleTable(tx)) !== undefined) await noteRaise(tx, Math.max(jump, snapshot - manifest.snapshot))
  // Equal to no page's content: the publisher finds each of them changed.
  await tx.updateTable('page').set({ content_sha256: '' }).execute()
  // Guards refuse an older revision of a name than they have seen, and a denial's number is never used again.
  await tx
    .updateTable('project')
    .set((eb) => ({ rev: eb('rev', '+', jump) }))
    .where('rev', '>', 0)
    .execute()
  await noteDenialJump(tx, jump)
  await journalRecords(tx, at)
  const action = 'restore' satisfies JournalAction
  await tx
    .insertInto('journal')
    .columns(['project', 'action', 'at', 'actor', 'snapshot'])
    .expression((eb) =>
      eb
        .selectFrom('page')
        .select([
          'project',
          sql<string>`${action}`.as('action'),
          sql<string>`${at}`.as('at'),
          sql<string>`${OPERATOR.name}`.as('actor'),
          sql<number | null>`null`.as('snapshot'),
        ])
        .orderBy('project'),
    )
    .execute()
  return snapshot
}

/** The next row of `table` gets a number above `last`. */
async function setCounter(
  kind: Store['kind'],
  tx: Transaction<Database>,
  table: keyof typeof COUNTERS,
  last: number,
): Promise<void> {
  if (kind === 'postgres') {
    await sql`select setval(pg_get_serial_sequence(${table}, ${COUNTERS[table]}), ${last})`.execute(tx)
    return
  }
  await sql`delete from sqlite_sequence where name = ${table}`.execute(tx)
  await sql`insert into sqlite_sequence (name, seq) values (${table}, ${last})`.execute(tx)
}
