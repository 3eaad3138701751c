import { createHash } from 'node:crypto'
import { createReadStream, type BigIntStats } from 'node:fs'
import { mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { IndexError } from '../error.ts'
import { ASIDE_WAITS, BLOB_READ_CHUNK } from '../limits.ts'
import type { Blob, BlobSource, BlobStore, ByteRange, ListedBlob, SpooledFile } from './blob-store.ts'
import { isMissing, isSystemError, onDisk, syncFolder, writeAll } from './durable.ts'
import type { FolderOwner } from './folder-owner.ts'
import { folderOwner, giveTo } from './folder-owner.ts'
import type { Leftovers } from './leftovers.ts'
import { asideName, partName, putBack, settleAside, sweepParts } from './leftovers.ts'
import { onePiece } from './one-piece.ts'
import { SHA256, walkBlobFolder } from './walk-blob-folder.ts'

/** Blobs as the files `ab/cd/<sha256>` of a folder. */
export interface DirectoryBlobStore extends BlobStore {
  /**
   * Removes what processes that are gone left half-written, and puts back what they were about to delete; an aborted
   * `until` leaves the rest for the next time.
   */
  sweepLeftovers(options?: { readonly dryRun?: boolean; readonly until?: AbortSignal }): Promise<Leftovers>
}

/**
 * Opens the blob folder `root`, making it where needed; with `readOnly` nothing is made. Damaged blobs are set aside in
 * `damaged`, which has to be on the same file system.
 *
 * @throws IndexError `storage-failed`
 */
export async function openDirectoryBlobStore(
  root: string,
  damaged: string = join(dirname(root), 'damaged'),
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): Promise<DirectoryBlobStore> {
  if (readOnly) return new Directory(root, damaged, undefined)
  const owner = await onDisk(async () => {
    const made = await mkdir(root, { recursive: true, mode: 0o750 })
    if (made === undefined) return await folderOwner(root)
    const above = made === root ? await folderOwner(dirname(root)) : undefined
    await giveTo(above, [root])
    await syncFolder(dirname(made))
    return above
  })
  return new Directory(root, damaged, owner)
}

class Directory implements DirectoryBlobStore {
  readonly #root: string
  readonly #damaged: string
  readonly #owner: FolderOwner | undefined
  /** Folders that are there and durable: at most 65,536. */
  readonly #shards = new Set<string>()

  constructor(root: string, damaged: string, owner: FolderOwner | undefined) {
    this.#root = root
    this.#damaged = damaged
    this.#owner = owner
  }

  async put(
    sha256: string,
    source: BlobSource,
    { replace = false }: { readonly replace?: boolean } = {},
  ): Promise<{ readonly size: number }> {
    const path = this.#path(sha256)
    if (path === undefined) throw new IndexError('digest-mismatch', 'A blob is named by its sha256 in lower-case hex.')
    const known = replace ? undefined : await this.touch(sha256)
    const expected = source instanceof Uint8Array ? source.length : 'path' in source ? source.size : undefined
    // One of another size is damaged: what is in hand is not.
    if (known !== undefined && (expected === undefined || expected === known.size)) {
      // Whoever stored it may still be about to sync the folder, and what we acknowledge has to be durable as well.
      await onDisk(() => syncFolder(dirname(path)))
      if ('path' in source) await onDisk(() => rm(source.path, { force: true }))
      return known
    }
    const shard = dirname(path)
    await onDisk(async () => {
      const made = await mkdir(shard, { recursive: true, mode: 0o750 })
      if (made !== undefined) await giveTo(this.#owner, made === shard ? [shard] : [made, shard])
    })
    // The folder has to be durable by the time we say that the file is, not before its first byte.
    const [stored, durable] = await Promise.allSettled([
      'path' in source
        ? adopt(path, sha256, source, this.#owner)
        : write(path, sha256, source instanceof Uint8Array ? onePiece(source) : source, this.#owner),
      onDisk(() => this.#syncShard(shard)),
    ])
    if (stored.status === 'rejected') throw stored.reason
    if (durable.status === 'rejected') throw durable.reason
    return stored.value
  }

  async get(sha256: string): Promise<Blob | undefined> {
    const path = this.#path(sha256)
    const head = await this.head(sha256)
    if (path === undefined || head === undefined) return undefined
    return { size: head.size, path, stream: (range) => read(path, head.size, range) }
  }

  async head(sha256: string): Promise<{ readonly size: number } | undefined> {
    const path = this.#path(sha256)
    if (path === undefined) return undefined
    for (let waited = 0; waited < ASIDE_WAITS; waited++) {
      const found = await statIfThere(path)
      if (found !== undefined) return { size: Number(found.size) }
      // A sweep may be deciding about it at this moment: whether it is there can be said when it has.
      const state = await onDisk(() => settleAside(dirname(path), sha256))
      if (state === 'nothing') break
      if (state === 'deciding') await delay(1)
    }
    const found = await statIfThere(path)
    return found && { size: Number(found.size) }
  }

  async touch(sha256: string): Promise<{ readonly size: number } | undefined> {
    const path = this.#path(sha256)
    if (path === undefined) return undefined
    return await onDisk(async () => {
      try {
        const { size, mtimeMs } = await stat(path)
        const now = Date.now()
        // Another time than before whatever the clock says: that is what a sweep looks for.
        const time = new Date(now === Math.round(mtimeMs) ? now + 1 : now)
        await utimes(path, time, time)
        return { size }
      } catch (error) {
        // Gone, also by the time of the second step; or another user's file: then it is as good as not there.
        if (isMissing(error) || isNotOurs(error)) return undefined
        throw error
      }
    })
  }

  async *list(): AsyncIterable<ListedBlob> {
    for await (const entry of walkBlobFolder(this.#root)) {
      if (entry.kind !== 'blob') continue
      const stats = await statIfThere(entry.path)
      if (stats === undefined) continue
      yield {
        sha256: entry.sha256,
        size: Number(stats.size),
        touched: String(stats.mtimeNs),
        touchedAt: Number(stats.mtimeMs),
      }
    }
  }

  async deleteUntouched(sha256: string, touched: string, isGarbage: () => Promise<boolean>): Promise<boolean> {
    const path = this.#path(sha256)
    if (path === undefined) return false
    const untouched = async (at: string): Promise<boolean> => String((await statIfThere(at))?.mtimeNs) === touched
    if (!(await isGarbage()) || !(await untouched(path))) return false
    const folder = dirname(path)
    const aside = asideName(sha256)
    return await onDisk(async () => {
      // From here on a `put` finds nothing and writes anew; one that touched it just before shows in its time.
      try {
        await rename(path, join(folder, aside))
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
      let garbage = false
      try {
        garbage = (await untouched(join(folder, aside))) && (await isGarbage())
      } finally {
        if (garbage) await rm(join(folder, aside), { force: true })
        else await putBack(folder, aside, sha256)
      }
      await syncFolder(folder)
      return garbage
    })
  }

  async setAside(sha256: string): Promise<string | undefined> {
    const path = this.#path(sha256)
    if (path === undefined) return undefined
    const damaged = await damagedFile(path, sha256)
    if (damaged === undefined) return undefined
    return await onDisk(async () => {
      const made = await mkdir(this.#damaged, { recursive: true, mode: 0o700 })
      if (made !== undefined) {
        await giveTo(this.#owner, [made])
        await syncFolder(dirname(made))
      }
      const folder = dirname(path)
      const aside = asideName(sha256)
      try {
        await rename(path, join(folder, aside))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
      // Somebody may have healed it in between: that is another file.
      if ((await statIfThere(join(folder, aside)))?.ino !== damaged.ino) {
        await putBack(folder, aside, sha256)
        return undefined
      }
      const place = join(this.#damaged, `${sha256}-${Date.now()}`)
      await rename(join(folder, aside), place)
      await Promise.all([syncFolder(this.#damaged), syncFolder(folder)])
      return place
    })
  }

  async sweepLeftovers({
    until,
    ...options
  }: { readonly dryRun?: boolean; readonly until?: AbortSignal } = {}): Promise<Leftovers> {
    const isOver = () => until?.aborted === true
    return await onDisk(async () => {
      const top = await sweepParts(this.#root, options)
      let { files, bytes } = top
      const add = (swept: Leftovers): void => {
        files += swept.files
        bytes += swept.bytes
      }
      for (const outer of top.folders) {
        if (isOver()) break
        const swept = await sweepParts(outer, options)
        add(swept)
        for (const shard of swept.folders) {
          if (isOver()) break
          add(await sweepParts(shard, options))
        }
      }
      return { files, bytes }
    })
  }

  async delete(sha256: string): Promise<void> {
    const path = this.#path(sha256)
    if (path === undefined || (await this.head(sha256)) === undefined) return
    await onDisk(async () => {
      await rm(path, { force: true })
      await syncFolder(dirname(path))
    })
  }

  #path(sha256: string): string | undefined {
    if (!SHA256.test(sha256)) return undefined
    return join(this.#root, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  }

  async #syncShard(shard: string): Promise<void> {
    if (this.#shards.has(shard)) return
    // Both, whoever made them: another process that did so may not have come to its own sync yet.
    await Promise.all([syncFolder(dirname(shard)), syncFolder(this.#root)])
    this.#shards.add(shard)
  }
}

/** style.md rule 8: temporary name in the same folder, fsync, digest, rename, fsync of the folder. */
async function write(
  path: string,
  sha256: string,
  source: AsyncIterable<Uint8Array>,
  owner: FolderOwner | undefined,
): Promise<{ readonly size: number }> {
  const folder = dirname(path)
  const part = join(folder, partName())
  try {
    const hash = createHash('sha256')
    let size = 0
    const handle = await onDisk(() => open(part, 'wx', 0o640))
    try {
      await onDisk(() => giveTo(owner, handle), part)
      for await (const chunk of source) {
        const written = onDisk(() => writeAll(handle, chunk), part)
        hash.update(chunk)
        size += chunk.length
        await written
      }
      await onDisk(() => handle.sync(), part)
    } finally {
      await onDisk(() => handle.close())
    }
    requireDigest(sha256, hash.digest('hex'))
    await onDisk(async () => {
      await rename(part, path)
      await syncFolder(folder)
    })
    return { size }
  } catch (error) {
    await onDisk(() => rm(part, { force: true }))
    throw error
  }
}

/** The spool has hashed the bytes while it wrote them; they only have to become durable and get their name. */
async function adopt(
  path: string,
  sha256: string,
  source: SpooledFile,
  owner: FolderOwner | undefined,
): Promise<{ readonly size: number }> {
  requireDigest(sha256, source.sha256)
  const moved = await onDisk(async () => {
    const handle = await open(source.path, 'r+')
    try {
      const { size } = await handle.stat()
      if (size !== source.size) throw new IndexError('digest-mismatch', 'The spooled file changed after it was hashed.')
      await handle.sync()
    } finally {
      await handle.close()
    }
    return await renameWithin(source.path, path)
  })
  if (moved) {
    await onDisk(() => syncFolder(dirname(path)))
    return { size: source.size }
  }
  const stored = await write(path, sha256, read(source.path, source.size), owner)
  await onDisk(() => rm(source.path, { force: true }))
  return stored
}

/** False when the two are on different file systems. */
async function renameWithin(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isSystemError(error) && error.code === 'EXDEV') return false
    throw error
  }
}

function requireDigest(expected: string, actual: string): void {
  if (expected === actual) return
  throw new IndexError('digest-mismatch', `The bytes have the sha256 ${actual}, not ${expected}; they were not stored.`)
}

async function* read(
  path: string,
  size: number,
  range: ByteRange = { start: 0, end: size },
): AsyncIterable<Uint8Array> {
  const { start, end } = range
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= size)) {
    throw new RangeError(`the range ${start}-${end} is not within the blob of ${size} bytes`)
  }
  if (start === end) return
  let left = end - start
  try {
    for await (const chunk of createReadStream(path, { start, end: end - 1, highWaterMark: BLOB_READ_CHUNK })) {
      left -= (chunk as Buffer).length
      yield chunk as Buffer
    }
  } catch (error) {
    if (isMissing(error))
      throw new IndexError('blob-missing', 'The stored file was deleted meanwhile.', { cause: error })
    throw error
  }
  if (left > 0) throw new IndexError('blob-missing', 'The stored file is shorter than it was.')
}

async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  return await onDisk(async () => {
    try {
      return await stat(path, { bigint: true })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  })
}

/** The file at `path` if it does not hash to `sha256`, or cannot be read to its end. */
async function damagedFile(path: string, sha256: string): Promise<BigIntStats | undefined> {
  const stats = await statIfThere(path)
  if (stats === undefined) return undefined
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: BLOB_READ_CHUNK })) hash.update(chunk as Buffer)
  } catch (error) {
    // Not to be confused with a disk that gives back an error where there were bytes.
    if (isMissing(error)) return undefined
    if (isNotOurs(error)) throw error
    return stats
  }
  return hash.digest('hex') === sha256 ? undefined : stats
}

/** Times can be set by a file's owner only. */
function isNotOurs(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES')
}
