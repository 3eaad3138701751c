import { createHash } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAll } from '../blobs/durable.ts'
import { folderOwner, giveTo } from '../blobs/folder-owner.ts'
import { IndexError } from '../error.ts'
import type { ManifestPart } from './backup-format.ts'
import { BLOB_LIST, CONFIG_PART } from './backup-format.ts'
import type { TableRows } from './backup-rows.ts'
import { tableRows } from './backup-rows.ts'
import { readLines } from './line-file.ts'

/**
 * Reads a part to its end, holds it against the manifest, keeps it in the folder `stageTo` where given, and hands on the
 * rows of a table as it goes.
 *
 * @throws IndexError `backup-damaged`
 */
export async function readPart(
  part: ManifestPart,
  bytes: AsyncIterable<Uint8Array> | undefined,
  stageTo: string | undefined,
  onTable: (rows: TableRows) => Promise<void>,
): Promise<void> {
  if (bytes === undefined) throw new IndexError('backup-damaged', `${part.name} is missing.`)
  const hash = createHash('sha256')
  let size = 0
  await using staged = stageTo === undefined ? undefined : await stagedFile(stageTo, part.name)
  async function* tapped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk)
      size += chunk.length
      if (staged !== undefined) await writeAll(staged, chunk)
      yield chunk
    }
  }
  let lines = 0
  async function* counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
    for await (const line of readLines(tapped(source))) {
      lines += 1
      yield line
    }
  }
  if (part.name === CONFIG_PART) for await (const _ of tapped(bytes));
  else if (part.name === BLOB_LIST) for await (const _ of counted(bytes));
  else await onTable(await tableRows(part.name, counted(bytes)))
  const rows = part.name === CONFIG_PART || part.name === BLOB_LIST ? lines : lines - 1
  if (size === part.size && hash.digest('hex') === part.sha256 && rows === part.rows) return
  throw new IndexError('backup-damaged', `${part.name} is not what was written; its digest is another.`)
}

/** In the place of what an interrupted restore may have left. */
async function stagedFile(folder: string, name: string): Promise<FileHandle> {
  const path = join(folder, name)
  await rm(path, { force: true })
  const handle = await open(path, 'wx', 0o600)
  await giveTo(await folderOwner(folder), handle)
  return handle
}
