import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolders } from '../blobs/make-folders.ts'
import { z } from 'zod'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { isMissing, isSystemError, syncFolder, writeWhole } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import type { Manifest } from './backup-format.ts'
import { isBackupId, MANIFEST } from './backup-format.ts'
import { readManifest } from './read-manifest.ts'

const MARK = 'waxseal-backups.json'
const BACKUPS = 'backups'
const BLOBS = 'blobs'
/** What is not yet a backup, or no longer one. */
const UNFINISHED = '.unfinished-'

/** A folder of backups that share their blobs: `blobs/ab/cd/<sha256>` and `backups/<id>/`. */
export interface BackupFolder {
  readonly pool: DirectoryBlobStore
  /** Whether a backup before this one was cut off. */
  readonly interrupted: boolean
  /** An empty folder in which a backup is put together. */
  begin(): Promise<string>
  /** Makes what is whole and durable in `folder` a backup. */
  complete(folder: string, id: string): Promise<string>
}

/**
 * Opens `path` for another backup of `index`, making it where needed. What was cut off before is removed; complete
 * backups are not touched.
 *
 * @throws IndexError `conflict` when the folder is something else, or has another index's backups
 */
export async function openBackupFolder(path: string, index: string): Promise<BackupFolder> {
  const made = makeFolders(path, 0o700)
  if (made !== undefined) await syncFolder(dirname(made))
  await claim(path, index)
  const backups = join(path, BACKUPS)
  for (const folder of [backups, join(path, BLOBS)]) await mkdir(folder, { recursive: true, mode: 0o700 })
  await syncFolder(path)
  const leftOver = (await readdir(backups)).filter((name) => name.startsWith(UNFINISHED))
  for (const name of leftOver) await rm(join(backups, name), { recursive: true })
  const pool = await openDirectoryBlobStore(join(path, BLOBS))
  if (leftOver.length > 0) await pool.sweepLeftovers()
  return {
    pool,
    interrupted: leftOver.length > 0,
    async begin() {
      const folder = join(backups, `${UNFINISHED}${process.pid}`)
      await mkdir(folder, { mode: 0o700 })
      return folder
    },
    async complete(folder, id) {
      await syncFolder(folder)
      const place = join(backups, id)
      await rename(folder, place)
      await syncFolder(backups)
      return place
    },
  }
}

/** Takes the rows of a backup away; its blobs stay. */
export async function removeBackup(path: string, id: string): Promise<void> {
  const backups = join(path, BACKUPS)
  const doomed = join(backups, `${UNFINISHED}${id}`)
  await rename(join(backups, id), doomed)
  await syncFolder(backups)
  await rm(doomed, { recursive: true })
}

/** A backup that cannot be read, and why, in a sentence. */
export interface DamagedBackup {
  readonly id: string
  readonly reason: string
}

/** The backups of a folder. */
export interface ListedBackups {
  /** The oldest state first. */
  readonly whole: readonly Manifest[]
  /** Those whose manifest cannot be read. */
  readonly damaged: readonly DamagedBackup[]
}

/** What stands in the folder of backups `path`. What an interrupted backup left is not one, nor is what others put there. */
export async function listBackups(path: string): Promise<ListedBackups> {
  const whole: Manifest[] = []
  const damaged: DamagedBackup[] = []
  for (const id of (await namesIn(join(path, BACKUPS))).filter(isBackupId)) {
    try {
      whole.push(await readManifest(join(backupPath(path, id), MANIFEST)))
    } catch (error) {
      damaged.push({ id, reason: whyUnreadable(error) })
    }
  }
  // Snapshot numbers only grow, whatever the clock did.
  return { whole: whole.toSorted((a, b) => a.snapshot - b.snapshot || (a.at < b.at ? -1 : 1)), damaged }
}

/** Why something of a backup cannot be read, in a sentence. Throws on what is no fault of the backup or its disk. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof IndexError) return error.message
  if (isSystemError(error)) return `${error.path ?? 'It'} cannot be read (${error.code}).`
  throw error
}

export function isBackupFolder(names: readonly string[]): boolean {
  return names.includes(MARK)
}

export const backupPath = (folder: string, id: string): string => join(folder, BACKUPS, id)
export const poolPath = (folder: string): string => join(folder, BLOBS)

const markSchema = z.object({ format: z.literal('waxseal-backups'), version: z.literal(1), index: z.string() })

async function claim(path: string, index: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => name !== 'lost+found' && !name.startsWith('.part-'))
  if (names.length === 0) {
    const mark = { format: 'waxseal-backups', version: 1, index } satisfies z.infer<typeof markSchema>
    return await writeWhole(join(path, MARK), Buffer.from(`${JSON.stringify(mark)}\n`))
  }
  if (!isBackupFolder(names)) {
    throw new IndexError(
      'conflict',
      `${path} holds something else than backups; name an empty folder, or one to be made.`,
    )
  }
  if ((await readMark(join(path, MARK))).index !== index) {
    throw new IndexError('conflict', `${path} holds the backups of another index; give each index a folder of its own.`)
  }
}

async function readMark(path: string): Promise<z.infer<typeof markSchema>> {
  const text = await readFile(path, 'utf8')
  try {
    return markSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new IndexError(
      'backup-damaged',
      `${path} is spoilt. It should say {"format":"waxseal-backups","version":1,"index":"…"} with the "index" that each manifest.json below it names.`,
      { cause: error },
    )
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
