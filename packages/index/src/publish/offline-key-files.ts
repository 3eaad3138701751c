import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readMetadata, recogniseKeyFile } from '@waxseal/trust'
import type { Kysely } from 'kysely'
import { MAX_KEY_FILE_LOOKED_AT } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { OFFLINE_KEYS } from './role-table.ts'

/**
 * The database's files are never opened. To close one would drop every lock that this process has on it, which is what SQLite's
 * connections go by (sqlite.org/howtocorrupt.html 2.2): another process would take the database for unused.
 */
const DATABASE_FILE = /^waxseal\.db(?:-(?:wal|shm|journal))?$/

/**
 * Files of the data folder, and of `keys` in it, that hold a key of root or targets, encrypted or not: whoever breaks into the
 * server has them too, and may try passphrases for as long as it takes. Of the root that holds now; none where nothing is signed.
 */
export async function offlineKeyFiles(db: Kysely<Database>, dataDir: string): Promise<readonly string[]> {
  const offline = await offlineKeyIds(db)
  if (offline.size === 0) return []
  const found: string[] = []
  for (const folder of [dataDir, join(dataDir, 'keys')]) {
    for (const name of (await readdir(folder).catch((): string[] => [])).toSorted()) {
      if (DATABASE_FILE.test(name)) continue
      const path = join(folder, name)
      const keyid = await keyIdIn(path)
      if (keyid !== undefined && offline.has(keyid)) found.push(path)
    }
  }
  return found
}

async function offlineKeyIds(db: Kysely<Database>): Promise<ReadonlySet<string>> {
  const roots = db.selectFrom('tuf_file').select('body').where('role', '=', 'root')
  const newest = await roots.orderBy('version', 'desc').limit(1).executeTakeFirst()
  if (newest === undefined) return new Set()
  const { roles } = readMetadata('root', Buffer.from(newest.body)).signed
  return new Set(OFFLINE_KEYS.flatMap((role) => roles.get(role)?.keyids ?? []))
}

/** Undefined for what is no key, and for what this user cannot read: neither can who breaks in as it. */
async function keyIdIn(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    // A pipe would never end.
    if (!found.isFile() || found.size > MAX_KEY_FILE_LOOKED_AT) return undefined
    return (await recogniseKeyFile(path)).keyid
  } catch {
    return undefined
  }
}
