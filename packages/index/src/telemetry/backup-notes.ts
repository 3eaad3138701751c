import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { BACKUP_OLD_MS, CLOCK_SKEW_MS } from '../limits.ts'
import { isAtWork } from '../store/lease.ts'
import type { Store } from '../store/store.ts'

/** The settings that say what became of backups, each JSON of the type beside it. */
export const LAST_BACKUP = 'last-backup'
export const BACKUP_ATTEMPT = 'backup-attempt'
export const BACKUP_CHECK = 'backup-check'

const lastBackup = z.object({
  at: z.iso.datetime(),
  where: z.string(),
  snapshot: z.number(),
  /** Blobs that the index itself had lost. */
  missing: z.number().default(0),
})

/** The newest backup that is whole. */
export type LastBackup = z.infer<typeof lastBackup>

const attempt = z.object({ begun: z.iso.datetime(), where: z.string(), problem: z.string().nullable() })

/** A backup that was begun and is not whole: under way, cut off (no `problem`), or failed. */
export type BackupAttempt = z.infer<typeof attempt>

const check = z.object({ at: z.iso.datetime(), where: z.string(), problem: z.string().nullable() })

/** What came of the last `waxseal backup verify` that was told of this index; null: the backup is whole. */
export type BackupCheckNote = z.infer<typeof check>

/** What is known of an index's backups. */
export interface BackupNotes {
  /** Null before the first. */
  readonly lastBackup: LastBackup | null
  /** Null: the last one became whole. */
  readonly backupAttempt: (BackupAttempt & { readonly underWay: boolean }) | null
  readonly backupCheck: BackupCheckNote | null
}

export async function readBackupNotes(store: Store, clock: Clock): Promise<BackupNotes> {
  const keys = [LAST_BACKUP, BACKUP_ATTEMPT, BACKUP_CHECK]
  const rows = await store.db.selectFrom('setting').selectAll().where('key', 'in', keys).execute()
  const noted = <T>(key: string, schema: z.ZodType<T>): T | null => {
    const row = rows.find((one) => one.key === key)
    if (row === undefined) return null
    try {
      return schema.parse(JSON.parse(row.value))
    } catch {
      return null
    }
  }
  const begun = noted(BACKUP_ATTEMPT, attempt)
  const underWay = begun?.problem === null && (await isAtWork(store, clock, 'backup'))
  return {
    lastBackup: noted(LAST_BACKUP, lastBackup),
    backupAttempt: begun === null ? null : { ...begun, underWay },
    backupCheck: noted(BACKUP_CHECK, check),
  }
}

/** What of it somebody should look at, in sentences. */
export function backupAttention(
  { lastBackup: last, backupAttempt: tried, backupCheck: checked }: BackupNotes,
  uploadedFiles: number,
  now: number,
): readonly string[] {
  const said: string[] = []
  if (last === null && uploadedFiles > 0) said.push('There is no backup of the uploaded files.')
  if (last !== null && now - Date.parse(last.at) > BACKUP_OLD_MS) said.push(`The last backup is from ${last.at}.`)
  if (last !== null && Date.parse(last.at) - now > CLOCK_SKEW_MS) {
    said.push(`The last backup is from ${last.at}, which is to come: a clock is or was wrong. Make another.`)
  }
  if (last !== null && last.missing > 0) {
    said.push(
      `The last backup, of ${last.at}, lacks ${last.missing} blobs that the index itself has lost: see waxseal doctor.`,
    )
  }
  if (tried !== null && tried.problem !== null)
    said.push(`The backup that began at ${tried.begun} failed: ${tried.problem}`)
  if (tried !== null && tried.problem === null && !tried.underWay)
    said.push(`The backup that began at ${tried.begun} was cut off.`)
  if (checked !== null && checked.problem !== null)
    said.push(`The backup ${checked.where} was found damaged at ${checked.at}: ${checked.problem}`)
  return said
}
