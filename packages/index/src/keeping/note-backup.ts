import type { Transaction } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Database } from '../store/schema.ts'
import { indexId } from '../store/index-id.ts'
import type { Store } from '../store/store.ts'
import type { BackupAttempt, BackupCheckNote, LastBackup } from '../telemetry/backup-notes.ts'
import { BACKUP_ATTEMPT, BACKUP_CHECK, LAST_BACKUP } from '../telemetry/backup-notes.ts'
import { recordAction } from '../telemetry/events.ts'
import type { Manifest } from './backup-format.ts'

interface NoteParts {
  readonly store: Store
  readonly clock: Clock
}

/** Notes that a backup has begun, or with `problem` that it failed: one that is noted as begun and not at work was cut off. */
export async function noteAttempt({ store }: NoteParts, attempt: BackupAttempt): Promise<void> {
  await store.transaction((tx) => noteSetting(tx, BACKUP_ATTEMPT, attempt))
}

/** Notes that a backup is whole. */
export async function noteBackup({ store, clock }: NoteParts, where: string, { at, ...rest }: Manifest): Promise<void> {
  const { snapshot, blobs } = rest
  await store.transaction(async (tx) => {
    await noteSetting(tx, LAST_BACKUP, { at, where, snapshot, missing: blobs.missing } satisfies LastBackup)
    await tx.deleteFrom('setting').where('key', '=', BACKUP_ATTEMPT).execute()
    const detail = { where, snapshot, files: blobs.count, bytes: blobs.bytes, missing: blobs.missing }
    const by = OPERATOR
    await recordAction(tx, { kind: 'backup-made', at: isoTime(clock), by, project: null, after: detail, detail })
  })
}

/** Has a restored index know what it was restored from, and nothing of what became of other backups. */
export async function noteRestoredFrom(tx: Transaction<Database>, where: string, manifest: Manifest): Promise<void> {
  const { at, snapshot, blobs } = manifest
  await noteSetting(tx, LAST_BACKUP, { at, where, snapshot, missing: blobs.missing } satisfies LastBackup)
  await tx.deleteFrom('setting').where('key', 'in', [BACKUP_ATTEMPT, BACKUP_CHECK]).execute()
}

/**
 * Notes what came of reading a backup again.
 *
 * @throws IndexError `conflict` when it is another index's
 */
export async function noteBackupCheck(
  { store, clock }: NoteParts,
  found: { readonly path: string; readonly manifest: Manifest; readonly problem: string | undefined },
): Promise<void> {
  const { path: where, manifest, problem = null } = found
  if (manifest.index !== (await indexId(store))) {
    throw new IndexError('conflict', `${where} is a backup of another index: nothing was noted.`)
  }
  const note = { at: isoTime(clock), where, problem } satisfies BackupCheckNote
  await store.transaction((tx) => noteSetting(tx, BACKUP_CHECK, note))
}

/** Writes one setting as JSON. */
export async function noteSetting(tx: Transaction<Database>, key: string, content: unknown): Promise<void> {
  const value = JSON.stringify(content)
  await tx
    .insertInto('setting')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
