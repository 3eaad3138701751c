import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IndexError } from '../error.ts'
import { BLOB_READ_CHUNK } from '../limits.ts'
import type { Blob, BlobStore, ByteRange, SpooledFile } from './blob-store.ts'
import { isMissing, isSystemError, onDisk, syncFolder, writeAll } from './durable.ts'
import { partName, sweepParts } from './leftovers.ts'

/** Blobs as the files `ab/cd/<sha256>` of a folder. */
export interface DirectoryBlobStore extends BlobStore {
  /** Settles when what processes that are gone left half-written has been removed; nothing needs to wait for it. */
  readonly swept: Promise<void>
}

/**
 * Opens the blob folder `root`, making it where needed.
 *
 * @throws IndexError `storage-failed`
 */
export async function openDirectoryBlobStore(root: string): Promise<DirectoryBlobStore> {
  await onDisk(async () => {
    const made = await mkdir(root, { recursive: true, mode: 0o750 })
    if (made !== undefined) await syncFolder(dirname(made))
  })
  return new Directory(root)
}

const SHA256 = /^[0-9a-f]{64}$/

class Directory implements DirectoryBlobStore {
  readonly swept: Promise<void>
  readonly #root: string
  /** Folders that are there and durable: at most 65,536. */
  readonly #shards = new Set<string>()

  constructor(root: string) {
    this.#root = root
    // It only tidies up: a failure shows again, and matters, when something is stored.
    this.swept = sweep(root).catch(() => undefined)
  }

  async put(sha256: string, source: AsyncIterable<Uint8Array> | SpooledFile): Promise<{ readonly size: number }> {
    const path = this.#path(sha256)
    if (path === undefined) throw new IndexError('digest-mismatch', 'A blob is named by its sha256 in lower-case hex.')
    const known = await this.head(sha256)
    if (known !== undefined) {
      // Whoever stored it may still be about to sync the folder, and what we acknowledge has to be durable as well.
      await onDisk(() => syncFolder(dirname(path)))
      if ('path' in source) await onDisk(() => rm(source.path, { force: true }))
      return known
    }
    const shard = dirname(path)
    await onDisk(() => mkdir(shard, { recursive: true, mode: 0o750 }))
    // The folder has to be durable by the time we say that the file is, not before its first byte.
    const [stored, durable] = await Promise.allSettled([
      'path' in source ? adopt(path, sha256, source) : write(path, sha256, source),
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
    return await onDisk(async () => {
      try {
        return { size: (await stat(path)).size }
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
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
): Promise<{ readonly size: number }> {
  const folder = dirname(path)
  const part = join(folder, partName())
  try {
    const hash = createHash('sha256')
    let size = 0
    const handle = await onDisk(() => open(part, 'wx', 0o640))
    try {
      for await (const chunk of source) {
        const written = onDisk(() => writeAll(handle, chunk))
        hash.update(chunk)
        size += chunk.length
        await written
      }
      await onDisk(() => handle.sync())
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
async function adopt(path: string, sha256: string, source: SpooledFile): Promise<{ readonly size: number }> {
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
  const stored = await write(path, sha256, read(source.path, source.size))
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

async function sweep(root: string): Promise<void> {
  for (const outer of await sweepParts(root)) {
    for (const shard of await sweepParts(outer)) await sweepParts(shard)
  }
}
