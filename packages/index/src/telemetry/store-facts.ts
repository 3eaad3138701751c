import { stat, statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Store, StoreOptions } from '../store/store.ts'

/** Changes that are committed and not published yet. */
export interface Waiting {
  readonly changes: number
  readonly oldestSeconds: number
}

/** The queue of the publisher; its index holds what waits and nothing else. */
export async function readWaiting(store: Store, clock: Clock): Promise<Waiting> {
  const { changes, oldest } = await store.db
    .selectFrom('journal')
    .select(({ fn }) => [fn.countAll<number>().as('changes'), fn.min('at').as('oldest')])
    .where('snapshot', 'is', null)
    .executeTakeFirstOrThrow()
  // After the clock was set back a change seems to come from the future.
  const oldestSeconds = oldest === null ? 0 : Math.max(0, (clock.now() - Date.parse(oldest)) / 1000)
  return { changes, oldestSeconds }
}

/** Size of the database in bytes; with SQLite that of its log too. */
export async function readDatabaseSize(store: Store, options: StoreOptions): Promise<number> {
  if (options.kind === 'sqlite') {
    const sizes = await Promise.all(['', '-wal'].map((end) => stat(options.path + end).catch(() => undefined)))
    return sizes.reduce((total, found) => total + (found?.size ?? 0), 0)
  }
  const { rows } = await sql<{ size: number }>`select pg_database_size(current_database()) as size`.execute(store.db)
  return rows[0]?.size ?? 0
}

export interface Disk {
  readonly freeBytes: number
  readonly sizeBytes: number
}

/** The disk of `folder`; free is what this user may still write. */
export async function readDisk(folder: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize }
}

/** Blobs that are marked as garbage. */
export async function readGarbage(store: Store): Promise<number> {
  const { files } = await store.db
    .selectFrom('garbage')
    .select(({ fn }) => fn.countAll<number>().as('files'))
    .executeTakeFirstOrThrow()
  return files
}
