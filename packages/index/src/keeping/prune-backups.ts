import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { IndexError } from '../error.ts'
import type { DamagedBackup } from './backup-folder.ts'
import { backupPath, listBackups, poolPath, removeBackup, whyUnreadable } from './backup-folder.ts'
import type { Manifest } from './backup-format.ts'
import { BLOB_LIST, MANIFEST, parseListedBlob } from './backup-format.ts'
import { readLines } from './line-file.ts'
import { readPart } from './read-part.ts'

/** What became of older backups. */
export interface PrunedBackups {
  /** Those that were taken away, and the bytes of the blobs that nobody needs any more. */
  readonly removed: { readonly backups: readonly string[]; readonly bytes: number }
  /** Those that cannot be read or removed: as long as there is one, no blob goes. */
  readonly damaged: readonly DamagedBackup[]
}

export const NOTHING_PRUNED: PrunedBackups = { removed: { backups: [], bytes: 0 }, damaged: [] }

/**
 * Takes away all but the newest `keep` backups of the folder `path`, and then the blobs that no other one lists.
 * `newest` stays whatever its clock said. Each list is held against its manifest before it is believed: one that is not
 * what was written does not count among those that are kept, and nobody knows what it needs, so no blob goes.
 */
export async function pruneBackups(
  path: string,
  { keep, newest, held }: { readonly keep: number; readonly newest: string; readonly held: AbortSignal },
): Promise<PrunedBackups> {
  const { whole, damaged: unreadable } = await listBackups(path)
  const damaged = [...unreadable]
  const staying: string[] = []
  const removed: string[] = []
  const isNewest = ({ id }: Manifest): boolean => id === newest
  for (const manifest of [...whole.filter(isNewest), ...whole.filter((one) => !isNewest(one)).toReversed()]) {
    held.throwIfAborted()
    const { id } = manifest
    try {
      if (staying.length < keep) {
        await checkList(path, manifest)
        staying.push(id)
      } else {
        await removeBackup(path, id)
        removed.push(id)
      }
    } catch (error) {
      damaged.push({ id, reason: whyUnreadable(error) })
    }
  }
  const backups = removed.toReversed()
  if (damaged.length > 0) return { removed: { backups, bytes: 0 }, damaged }
  const lists = staying.map((id) => listedIn(join(backupPath(path, id), BLOB_LIST)))
  const pool = await openDirectoryBlobStore(poolPath(path))
  return { removed: { backups, bytes: await sweepPool(pool, merged(lists), held) }, damaged }
}

/** @throws IndexError `backup-damaged` when the list of blobs is not the one that the manifest names */
async function checkList(path: string, { id, parts }: Manifest): Promise<void> {
  const list = parts.find(({ name }) => name === BLOB_LIST)
  if (list === undefined) throw new IndexError('backup-damaged', `${MANIFEST} names no ${BLOB_LIST}.`)
  const bytes = createReadStream(join(backupPath(path, id), BLOB_LIST))
  await readPart(list, bytes, undefined, async () => undefined)
}

/** The sha256 of a backup's blobs, in order. */
async function* listedIn(path: string): AsyncGenerator<string, void, undefined> {
  for await (const line of readLines(createReadStream(path))) {
    const blob = parseListedBlob(line)
    if ('size' in blob) yield blob.sha256
  }
}

/** All of several ordered lists in order, each once. */
async function* merged(
  lists: readonly AsyncGenerator<string, void, undefined>[],
): AsyncGenerator<string, void, undefined> {
  const heads = await Promise.all(lists.map((list) => list.next()))
  for (;;) {
    let least: string | undefined
    for (const head of heads) if (!head.done && (least === undefined || head.value < least)) least = head.value
    if (least === undefined) return
    yield least
    for (const [at, list] of lists.entries()) {
      const head = heads[at]
      if (head !== undefined && !head.done && head.value === least) heads[at] = await list.next()
    }
  }
}

/** Deletes what stands in the pool and not in `needed`, both being in order; the bytes that it freed. */
async function sweepPool(
  pool: BlobStore,
  needed: AsyncGenerator<string, void, undefined>,
  held: AbortSignal,
): Promise<number> {
  let bytes = 0
  let next = await needed.next()
  for await (const { sha256, size } of pool.list()) {
    held.throwIfAborted()
    while (!next.done && next.value < sha256) next = await needed.next()
    if (!next.done && next.value === sha256) continue
    await pool.delete(sha256)
    bytes += size
  }
  return bytes
}
