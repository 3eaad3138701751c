import { open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { syncFolder } from '../blobs/durable.ts'
import { makeFile } from '../blobs/folder-owner.ts'
import { partName, sweepParts } from '../blobs/leftovers.ts'
import { SQLITE_COPY_HEADROOM } from '../limits.ts'

/** At a time, when nothing is to come in between: the largest number that SQLite takes. */
const ALL_PAGES = 2 ** 31 - 1

/** Where a database stands as it was before a step, or why it does not. */
export type KeptCopy =
  | { readonly kind: 'kept'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'not-kept'; readonly why: string }

/** What the copy is called that is kept before `step` is applied. */
export function copyPath(path: string, step: string): string {
  return `${path}.before-${step}`
}

/**
 * Keeps a copy of the SQLite database at `path`, as it is before `step`: one file, durable, for its folder's owner alone. Whoever
 * writes meanwhile is not held up. Where there is no room for it the upgrade goes on without: the steps themselves are
 * transactions. `free` tells the free bytes of a folder.
 */
export async function keepCopy(
  database: DatabaseSync,
  path: string,
  step: string,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<KeptCopy> {
  const bytes = sizeOf(database)
  const folder = dirname(path)
  const kept = copyPath(path, step)
  const part = join(folder, partName())
  try {
    // The copy of one that was killed takes as much room as this one needs.
    await sweepParts(folder)
    const room = await free(folder)
    if (room < bytes + SQLITE_COPY_HEADROOM) {
      return { kind: 'not-kept', why: `it takes ${megabytes(bytes)} and the disk has ${megabytes(room)} free` }
    }
    // Made first, so that it never has another mode or owner.
    await makeFile(part)
    // All pages in one go, off the event loop: piece by piece it would begin anew at each commit of another process.
    await backup(database, part, { rate: ALL_PAGES })
    if (!asBefore(part, step)) return { kind: 'not-kept', why: 'another process applied the step meanwhile' }
    const handle = await open(part, 'r+')
    await handle.sync()
    await handle.close()
    await rename(part, kept)
    await syncFolder(folder)
    return { kind: 'kept', path: kept, bytes }
  } catch (error) {
    return { kind: 'not-kept', why: error instanceof Error ? error.message : String(error) }
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${part}${suffix}`, { force: true })
  }
}

/** Makes the copy a single file, and looks whether it is from before `step`: of two that start at once one may be late. */
function asBefore(path: string, step: string): boolean {
  const copy = new DatabaseSync(path)
  try {
    copy.exec('pragma journal_mode = delete')
    return copy.prepare('select 1 from kysely_migration where name = ?').get(step) === undefined
  } finally {
    copy.close()
  }
}

/** What a copy takes: pages that are still in the write-ahead log included. */
export function sizeOf(database: DatabaseSync): number {
  const number = (name: string): number => Number(database.prepare(`pragma ${name}`).get()?.[name])
  return number('page_count') * number('page_size')
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`
}
