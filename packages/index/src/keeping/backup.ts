import { resolve } from 'node:path'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { indexId } from '../store/index-id.ts'
import type { Patience } from '../store/lease.ts'
import { withLease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import type { Manifest, MissingReason, OnProgress } from './backup-format.ts'
import { backupToFile } from './backup-to-file.ts'
import { backupToFolder } from './backup-to-folder.ts'
import { onBackupDisk } from './compose-manifest.ts'
import { noteAttempt, noteBackup } from './note-backup.ts'
import type { PrunedBackups } from './prune-backups.ts'
import { NOTHING_PRUNED, pruneBackups } from './prune-backups.ts'

/** What is backed up, and by what. */
export interface BackupParts {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  /** The configuration file that goes along, if it is there. */
  readonly config: string
  /** Version of the software, for people who look at the backup. */
  readonly version: string
  readonly onProgress?: OnProgress
  /** With other work of this kind; without it that is a refusal. */
  readonly patience?: Patience
}

/** A blob that the rows speak of and that could not be backed up. */
export interface MissingBlob {
  readonly sha256: string
  readonly reason: MissingReason
}

/** A backup that is whole. */
export interface WrittenBackup {
  readonly manifest: Manifest
  /** The backup's own folder, or the file. */
  readonly path: string
  /** What this one added to the blobs of the ones before. */
  readonly copied: { readonly count: number; readonly bytes: number }
  /** The first `NAMED_FILES` of `manifest.blobs.missing`; all of them stand in the backup's list of blobs. */
  readonly missing: readonly MissingBlob[]
}

/** What a backup came to. */
export interface BackupReport extends WrittenBackup, PrunedBackups {}

export interface BackupTarget {
  /** A folder that holds backups, or is to; or with `file` a tar file that is not there yet. */
  readonly path: string
  readonly form: 'folder' | 'file'
  /** Keeps this many of the newest backups in the folder, once this one is whole and nothing is missing in it. */
  readonly keep?: number
}

/**
 * Writes a backup beside a running server: rows of one state, and every blob that they speak of, each hashed on its way.
 * What is missing or damaged is reported; the rest is backed up all the same.
 *
 * @throws IndexError `conflict` when other work of this kind goes on for longer than `patience` lasts, or `target` is
 *   something else;
 *   `storage-failed` when it cannot be written
 */
export async function backUp(parts: BackupParts, target: BackupTarget): Promise<BackupReport> {
  const { store, clock, patience } = parts
  const claim = { name: 'keeping', by: 'backup', ...(patience === undefined ? {} : { patience }) } as const
  const attempt = { begun: isoTime(clock), where: resolve(target.path), problem: null }
  try {
    return await withLease(store, clock, claim, async (held) => {
      const index = await indexId(store)
      await noteAttempt(parts, attempt)
      const write = target.form === 'file' ? backupToFile : backupToFolder
      const report = await write(parts, { ...target, path: attempt.where, index }, held)
      await noteBackup(parts, report.path, report.manifest)
      return { ...report, ...(await pruneAfter(report, target, held)) }
    })
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    // Why it failed matters more than whether that could be noted.
    await noteAttempt(parts, { ...attempt, problem }).catch(() => undefined)
    throw error
  }
}

/** One that lacks something is no reason to let go of one that may have it. */
async function pruneAfter(
  { manifest }: WrittenBackup,
  { keep, form, path }: BackupTarget,
  held: AbortSignal,
): Promise<PrunedBackups> {
  if (keep === undefined || form === 'file' || manifest.blobs.missing > 0) return NOTHING_PRUNED
  const folder = resolve(path)
  return await onBackupDisk(folder, () => pruneBackups(folder, { keep, newest: manifest.id, held }))
}
