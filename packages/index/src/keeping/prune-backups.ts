import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { BackupFolder } from './backup-folder.ts'
import { backupPath, listBackups } from './backup-folder.ts'
import { BLOB_LIST, parseListedBlob } from './backup-format.ts'
import { readLines } from './line-file.ts'

/**
 * Takes away all but the newest `keep` backups, and then the blobs that no other one lists. `newest` stays whatever its
 * clock said. Where a backup cannot be read nobody knows what it needs, so no blob goes.
 */
export async function pruneBackups(
  folder: BackupFolder,
  { keep, newest, held }: { readonly keep: number; readonly newest: string; readonly held: AbortSignal },
): Promise<{ readonly backups: readonly string[]; readonly bytes: number }> {
  const { whole, damaged } = await listBackups(folder.path)
  const others = whole.map(({ id }) => id).filter((id) => id !== newest)
  const doomed = others.slice(0, Math.max(0, others.length - (keep - 1)))
  for (const id of doomed) {
    held.throwIfAborted()
    await folder.remove(id)
  }
  if (damaged.length > 0) return { backups: doomed, bytes: 0 }
  const staying = [newest, ...others.filter((id) => !doomed.includes(id))]
  const lists = staying.map((id) => listedIn(join(backupPath(folder.path, id), BLOB_LIST)))
  return { backups: doomed, bytes: await sweepPool(folder.pool, merged(lists), held) }
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
