import { hash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, isSystemError, writeWhole } from '../blobs/durable.ts'
import type { IndexErrorCode } from '../error.ts'
import { IndexError, isFull } from '../error.ts'
import type { BackupParts } from './backup.ts'
import type { Manifest, ManifestPart } from './backup-format.ts'
import { BACKUP_FORMAT, CONFIG_PART } from './backup-format.ts'
import type { StagedRows } from './stage-rows.ts'

export function composeManifest(
  { version }: BackupParts,
  index: string,
  { state }: StagedRows,
  content: Pick<Manifest, 'parts' | 'blobs'>,
): Manifest {
  return { format: 'waxseal-backup', version: BACKUP_FORMAT, index, software: version, ...state, ...content }
}

/** Copies the configuration file `path`, where there is one, to `folder`. */
export async function stageConfig(path: string, folder: string): Promise<readonly ManifestPart[]> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  await writeWhole(join(folder, CONFIG_PART), bytes)
  return [{ name: CONFIG_PART, sha256: hash('sha256', bytes), size: bytes.length, rows: 0 }]
}

const STORAGE: ReadonlySet<IndexErrorCode> = new Set(['storage-failed', 'storage-full'])

/**
 * Hands on what `work` gives; a failure of the file system becomes IndexError `storage-failed` that names what failed,
 * or `path` where the system does not say.
 */
export async function onBackupDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const own = error instanceof IndexError && STORAGE.has(error.code) ? error.cause : error
    if (!isSystemError(own)) throw error
    const full = isFull(own)
    const what = full ? 'there is no space left' : `it cannot be written or read (${own.code})`
    throw new IndexError(
      full ? 'storage-full' : 'storage-failed',
      `${own.path ?? path}: ${what}. Backups that were complete before are as they were.`,
      {
        cause: error,
      },
    )
  }
}

/** Hands on what `work` gives; when it fails, what it has put into `folder` is taken away, as far as that can be done. */
export async function orRemove<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // Why it failed matters more; the next backup takes the folder away too.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}
