import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { isMissing, onDisk, writeWhole } from '../blobs/durable.ts'
import { walkBlobFolder } from '../blobs/walk-blob-folder.ts'
import { IndexError } from '../error.ts'
import { indexId, knownIndexId } from '../store/index-id.ts'
import type { Opening } from '../store/bring-up-to-date.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { refuseUnfinishedRestore } from './restore-place.ts'

/** Says whose blobs a data folder holds: a collection by the rows of another index would delete them all. */
const BOUND_TO = 'waxseal.id'

/**
 * Ties the data folder to the index of `store`, which `refuseOtherIndex` has let pass. A folder of an earlier release is
 * tied at its first start.
 *
 * @throws IndexError `storage-failed`, `storage-full`, `database-busy`
 */
export async function bindFolder(dataDir: string, store: Store): Promise<void> {
  if ((await boundTo(dataDir)) === undefined) await writeBinding(dataDir, await indexId(store))
}

/** Ties the data folder to the index `id`. */
export async function writeBinding(dataDir: string, id: string): Promise<void> {
  await onDisk(() => writeWhole(join(dataDir, BOUND_TO), Buffer.from(`${id}\n`)))
}

/** @throws IndexError `wrong-database` when the data folder is tied to another index than that of `db` */
export async function refuseOtherIndex(dataDir: string, db: Kysely<Database>): Promise<void> {
  const bound = await boundTo(dataDir)
  if (bound === undefined || bound === (await knownIndexId(db))) return
  throw new IndexError(
    'wrong-database',
    `The data folder ${dataDir} belongs to another index than the database that is configured. Name the right folder (--data), or the right database (WAXSEAL_DATABASE). If these two do belong together, remove ${join(dataDir, BOUND_TO)} and start the server again.`,
  )
}

/** Has `openStore` refuse what does not belong to the data folder, before it makes or changes anything. */
export function onlyOfFolder(dataDir: string): Pick<Opening, 'beforeNew' | 'beforeEarlier'> {
  return {
    beforeNew: () => refuseNewDatabase(dataDir),
    beforeEarlier: (db) => refuseOtherIndex(dataDir, db),
  }
}

/**
 * Looks whether an index may be begun with the data folder, which then holds nothing of one.
 *
 * @throws IndexError `wrong-database` when it is tied to an index, or has blobs; `config-invalid` for an unfinished restore
 */
export async function refuseNewDatabase(dataDir: string): Promise<void> {
  await onDisk(() => refuseUnfinishedRestore(dataDir))
  if ((await boundTo(dataDir)) === undefined && !(await hasBlobs(join(dataDir, 'blobs')))) return
  throw new IndexError(
    'wrong-database',
    `${dataDir} holds the files of an index, and there is no database of it where the configuration says. If it is in PostgreSQL, say where: WAXSEAL_DATABASE=postgres://… If it is lost, restore a backup into an empty folder ("waxseal restore"); to begin a new index, name an empty folder.`,
  )
}

async function boundTo(dataDir: string): Promise<string | undefined> {
  return await onDisk(async () => {
    try {
      return (await readFile(join(dataDir, BOUND_TO), 'utf8')).trim()
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  })
}

async function hasBlobs(root: string): Promise<boolean> {
  for await (const { kind } of walkBlobFolder(root)) if (kind === 'blob') return true
  return false
}
