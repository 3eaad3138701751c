import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readMetadata, recogniseKeyFile } from '@waxseal/trust'
import type { Kysely } from 'kysely'
import { MAX_KEY_FILE_LOOKED_AT, MAX_KEY_SEARCH_DEPTH, MAX_KEY_SEARCH_ENTRIES } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { OFFLINE_KEYS } from './role-table.ts'

/**
 * The database's files are never opened. To close one would drop every lock that this process has on it, which is what SQLite's
 * connections go by (sqlite.org/howtocorrupt.html 2.2): another process would take the database for unused.
 */
const DATABASE_FILE = /^waxseal\.db(?:-(?:wal|shm|journal))?$/

/** Folders of the data folder with nothing but what came from outside, by its hash or on its way in: as many as there are files. */
const FILES_OF_OTHERS: ReadonlySet<string> = new Set(['blobs', 'spool'])

/**
 * Files of the data folder, and of folders in it, that hold a key of root or targets, encrypted or not: whoever breaks into the
 * server has them too, and may try passphrases for as long as it takes. Of the root that holds now; none where nothing is signed.
 */
export async function offlineKeyFiles(db: Kysely<Database>, dataDir: string): Promise<readonly string[]> {
  const offline = await offlineKeyIds(db)
  if (offline.size === 0) return []
  const found: string[] = []
  for await (const path of filesIn(dataDir)) {
    const keyid = await keyIdIn(path)
    if (keyid !== undefined && offline.has(keyid)) found.push(path)
  }
  return found
}

/** Whoever put keys there put them near the top, with little beside them: what is deeper, or one of thousands, is something else. */
async function* filesIn(dataDir: string): AsyncGenerator<string> {
  const folders = [{ folder: dataDir, depth: 0 }]
  let seen = 0
  for (const { folder, depth } of folders) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      seen += 1
      if (seen > MAX_KEY_SEARCH_ENTRIES) return
      if (depth === 0 && (DATABASE_FILE.test(entry.name) || FILES_OF_OTHERS.has(entry.name))) continue
      const path = join(folder, entry.name)
      if (!entry.isDirectory()) yield path
      else if (depth < MAX_KEY_SEARCH_DEPTH) folders.push({ folder: path, depth: depth + 1 })
    }
  }
}

/** The keys of root and targets, by the root that holds now; none where nothing is signed. */
export async function offlineKeyIds(db: Kysely<Database>): Promise<ReadonlySet<string>> {
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
