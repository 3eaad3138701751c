import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { folderOwner, giveTo, makeFile } from '../blobs/folder-owner.ts'
import { makeFolders } from '../blobs/make-folders.ts'
import { z } from 'zod'
import { isMissing, syncFolder, writeWhole } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { lookAtDatabase } from '../store/look-at-database.ts'
import { holdFile } from '../store/sqlite-lock.ts'
import type { StoreOptions } from '../store/store.ts'
import { KEYS } from '../publish/online-keys.ts'
import { CONFIG_PART, type Manifest } from './backup-format.ts'

const UNFINISHED = 'restore-unfinished'
const STATE = 'state.json'
const LOCK = 'lock'
const DATABASE = 'waxseal.db'
/** The configuration is put beside its place: it names the old index's database, certificates and addresses. */
export const RESTORED_CONFIG = 'waxseal.toml.restored'
/** The setting that says what was restored: JSON `RestoredSetting`. */
export const RESTORED = 'restored'

const stateSchema = z.object({ backup: z.string(), nonce: z.string() })
export const restoredSchema = stateSchema.extend({
  at: z.string(),
  /** Newest snapshot of the backup. */
  from: z.number(),
  /** The number above which everything is published again; null until it is settled. */
  above: z.number().nullable(),
})

/**
 * Where an index is being put together, by one process at a time. While it is, the folder is refused by everything but
 * another `restore`. Disposing of it lets another one go on.
 */
export interface RestorePlace extends AsyncDisposable {
  /** Tells this restore's rows from anything else. */
  readonly nonce: string
  /** Where the parts of the backup are staged. */
  readonly staging: string
  /** The database to fill: for SQLite not yet in its place. */
  readonly database: StoreOptions
  /** Whether an earlier, interrupted attempt has filled it already. */
  readonly filled: boolean
  /** Puts everything in its place; from here on it is an index. The path of the configuration, where there is one. */
  finish(): Promise<string | undefined>
}

/**
 * Takes the folder `dataDir` and the database for a restore. Both have to be empty, or hold what an interrupted restore of
 * the same backup left.
 *
 * @throws IndexError `conflict` when there is something in it, or another process restores into it
 */
export async function openRestorePlace(
  dataDir: string,
  database: StoreOptions,
  manifest: Manifest,
): Promise<RestorePlace> {
  await requireEmpty(dataDir, database, manifest)
  const staging = join(dataDir, UNFINISHED)
  const made = makeFolders(staging, 0o700)
  // What is built in it moves to the folder above; and the owner of that one can finish what root began.
  if (made === staging) await giveTo(await folderOwner(dataDir), [staging])
  if (made !== undefined) await syncFolder(dirname(made))
  await using taken = new AsyncDisposableStack()
  await makeFile(join(staging, LOCK))
  const lock = holdFile(join(staging, LOCK))
  if (lock === undefined) throw new IndexError('conflict', `Another restore into ${dataDir} is under way.`)
  taken.use(lock)
  // Another restore may have come to its end since it was looked at.
  const state = await requireEmpty(dataDir, database, manifest).catch(async (error: unknown) => {
    if ((await readState(dataDir)) === undefined) await rm(staging, { recursive: true })
    throw error
  })
  const nonce = state?.nonce ?? randomUUID()
  if (state === undefined) {
    await writeWhole(join(staging, STATE), Buffer.from(JSON.stringify({ backup: manifest.id, nonce })))
  }
  const inPlace = database.kind === 'postgres' || (await exists(database.path))
  const filled = inPlace && (await lookAtDatabase(database)).filled.length > 0
  const building = join(staging, DATABASE)
  if (!inPlace) for (const suffix of ['', '-wal', '-shm']) await rm(building + suffix, { force: true })
  const kept = taken.move()
  return {
    nonce,
    staging,
    filled,
    database: inPlace ? database : { kind: 'sqlite', path: building },
    async finish() {
      const config = manifest.parts.some(({ name }) => name === CONFIG_PART)
        ? join(dataDir, RESTORED_CONFIG)
        : undefined
      if (config !== undefined) await writeWhole(config, await readFile(join(staging, CONFIG_PART)))
      if (!inPlace && database.kind === 'sqlite') {
        if (await exists(`${building}-wal`)) throw new IndexError('storage-failed', `${building} could not be closed.`)
        await rename(building, database.path)
      }
      await syncFolder(dataDir)
      await rm(join(staging, STATE))
      await syncFolder(staging)
      await rm(staging, { recursive: true })
      return config
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/**
 * Looks whether an index can be restored there, without changing anything; what an interrupted restore of the same
 * backup noted, where there is one.
 *
 * @throws IndexError `conflict`
 */
export async function requireEmpty(
  dataDir: string,
  database: StoreOptions,
  manifest: Manifest,
): Promise<z.infer<typeof stateSchema> | undefined> {
  const state = await readState(dataDir)
  if (state !== undefined && state.backup !== manifest.id) {
    throw new IndexError(
      'conflict',
      `${dataDir} has an interrupted restore of the backup ${state.backup}: restore that one again, or empty the folder.`,
    )
  }
  // What an edit of the configuration leaves stays beside it. Keys are in no backup: who has them puts them there first.
  const allowed = [UNFINISHED, CONFIG_PART, `.${CONFIG_PART}.lock`, KEYS, 'lost+found']
  const others = state === undefined ? (await namesIn(dataDir)).filter((name) => !allowed.includes(name)) : []
  if (others.length > 0) {
    const more = others.length > 3 ? ` and ${others.length - 3} more` : ''
    throw new IndexError(
      'conflict',
      `${dataDir} is not empty: it has ${others.slice(0, 3).join(', ')}${more}. Restore into an empty folder.`,
    )
  }
  const content = await lookAtDatabase(database)
  if (content.filled.length === 0) return state
  const restored = content.setting(RESTORED)
  if (
    state !== undefined &&
    restored !== undefined &&
    restoredSchema.parse(JSON.parse(restored)).nonce === state.nonce
  ) {
    return state
  }
  throw new IndexError(
    'conflict',
    `The database is not empty: ${content.filled.join(', ')} have rows. Restore into an empty database.`,
  )
}

/** @throws IndexError `config-invalid` when a restore into `dataDir` was begun and not finished: what is there is not whole */
export async function refuseUnfinishedRestore(dataDir: string): Promise<void> {
  if (!(await exists(join(dataDir, UNFINISHED, STATE)))) return
  throw new IndexError(
    'config-invalid',
    `A restore into ${dataDir} was interrupted: run the same "waxseal restore" again, or empty the folder.`,
  )
}

/** Removes what a restore left that was killed at its very end, rows with password hashes among it; not under one at work. */
export async function removeRestored(dataDir: string): Promise<void> {
  const staging = join(dataDir, UNFINISHED)
  if (!(await exists(staging)) || (await exists(join(staging, STATE)))) return
  await makeFile(join(staging, LOCK))
  using lock = holdFile(join(staging, LOCK))
  // Another one may have noted meanwhile what it restores.
  if (lock === undefined || (await exists(join(staging, STATE)))) return
  await rm(staging, { recursive: true })
}

async function readState(dataDir: string): Promise<z.infer<typeof stateSchema> | undefined> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(join(dataDir, UNFINISHED, STATE), 'utf8')))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return (await namesIn(dirname(path))).includes(path.slice(dirname(path).length + 1))
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
