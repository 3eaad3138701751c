import { createHash, hash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { GuardError } from './error.ts'
import {
  CACHE_BYTES,
  CACHE_LOW_WATER,
  MAX_REMEMBERED_FILES,
  PIECE_BYTES,
  STALE_PART_MS,
  USED_AGAIN_MS,
  WHOLE_FILE_BYTES,
} from './limits.ts'
import { ownFolder } from './own-folder.ts'

const SHA256 = /^[0-9a-f]{64}$/

/** A file of the cache, open; its bytes were hashed, and have not changed since. To be closed by whoever gets it. */
export interface CachedFile extends AsyncDisposable {
  readonly size: number
  readonly handle: FileHandle
  /** All of it, where it was small enough to be read at once. */
  readonly bytes: Uint8Array | undefined
}

export interface FileCacheOptions {
  readonly folder: string
  /** Most bytes that are kept. */
  readonly maxBytes?: number
  /** Switched off only where an attack shows what it is for. */
  readonly rehash?: boolean
}

/**
 * Files by their sha256, of all indexes and for all guards of one user at once. Nothing that lies in it is trusted: what is handed
 * out is hashed first (attacks.md CLI-4), so that nothing here has to survive a power cut and nothing is synced. A file gets its
 * name once it is whole; what a killed guard leaves behind has none.
 *
 * A large file that this process has hashed, as it came or as it lay here, is not hashed again while its inode, size and times of
 * change are what they were. Whoever writes to it changes these, and nobody can set the time of the inode's change back. To change it within
 * one tick of that clock takes this user's own rights, with which the installed package can be changed as well.
 */
export class FileCache {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #rehash: boolean
  readonly #made = new Set<string>()
  /** Large files by their sha256: as they were when they had it. */
  readonly #hashed = new Map<string, string>()
  #stored = 0

  private constructor(options: FileCacheOptions) {
    this.#folder = options.folder
    this.#maxBytes = options.maxBytes ?? CACHE_BYTES
    this.#rehash = options.rehash ?? true
  }

  /** @throws GuardError `cache-unusable` where the folder is somebody else's */
  static async open(options: FileCacheOptions): Promise<FileCache> {
    await ownFolder(options.folder, 'cache-unusable')
    await ownFolder(join(options.folder, 'parts'), 'cache-unusable')
    return new FileCache(options)
  }

  /** The file with this sha256, hashed; undefined where there is none. One that is damaged is removed. */
  async get(sha256: string): Promise<CachedFile | undefined> {
    const path = this.#pathOf(sha256)
    const handle = await openPlain(path)
    if (handle === undefined) return undefined
    try {
      const found = await handle.stat({ bigint: true })
      if (isOwn(found)) {
        const file = await this.#checked(sha256, handle, found)
        if (file !== undefined) return file
        await rm(path, { force: true, recursive: true })
      }
    } catch (error) {
      await handle.close()
      throw error
    }
    await handle.close()
    return undefined
  }

  /** Hashes a large file before somebody wants it. */
  async check(sha256: string): Promise<void> {
    await using _ = await this.get(sha256)
  }

  async #checked(sha256: string, handle: FileHandle, first: BigIntStats): Promise<CachedFile | undefined> {
    let found = first
    // What is used stays longest.
    if (Number(found.mtimeMs) < Date.now() - USED_AGAIN_MS) {
      const now = new Date()
      await handle.utimes(now, now).catch(() => undefined)
      found = await handle.stat({ bigint: true })
    }
    const opened = { handle, [Symbol.asyncDispose]: () => handle.close() }
    const size = Number(found.size)
    if (size > WHOLE_FILE_BYTES && this.#hashed.get(sha256) === stateOf(found)) {
      return { ...opened, size, bytes: undefined }
    }
    const read = await readHashed(handle, size)
    if (this.#rehash && read.sha256 !== sha256) return undefined
    if (size > WHOLE_FILE_BYTES) this.#remember(sha256, found)
    return { ...opened, size: read.size, bytes: read.bytes }
  }

  #remember(sha256: string, found: BigIntStats): void {
    if (this.#hashed.size >= MAX_REMEMBERED_FILES) this.#hashed.clear()
    this.#hashed.set(sha256, stateOf(found))
  }

  /** Whether there is a file under this name, whatever is in it. */
  async has(sha256: string): Promise<boolean> {
    return (await stat(this.#pathOf(sha256)).catch(() => undefined)) !== undefined
  }

  /** Small contents as a whole. */
  async read(sha256: string): Promise<Uint8Array | undefined> {
    await using file = await this.get(sha256)
    if (file === undefined) return undefined
    return file.bytes ?? (await file.handle.readFile())
  }

  /** Keeps contents whose sha256 the caller has computed. A disk that is full costs nothing but the next use. */
  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    await using part = await this.part(Math.min(bytes.length, PIECE_BYTES))
    await part.write(bytes)
    await part.keep(sha256)
  }

  /** A place for a download that has no name yet, written in pieces of so many bytes; without `keep` nothing is left of it. */
  async part(pieceBytes = PIECE_BYTES): Promise<CachePart> {
    const path = join(this.#folder, 'parts', `${process.pid}-${randomUUID()}`)
    try {
      const handle = await open(path, 'wx+', 0o600)
      return new CachePart(handle, path, pieceBytes, (sha256) => this.#keep(path, handle, sha256))
    } catch (cause) {
      throw new GuardError('cache-unusable', `Nothing can be written to ${this.#folder}.`, { cause })
    }
  }

  /** Ends what was left by guards that died, and lets the longest unused go while there is more than may be. */
  async tidy(): Promise<void> {
    await this.#sweepParts()
    if (this.#stored === 0) return
    const files: { readonly path: string; readonly size: number; readonly usedMs: number }[] = []
    let total = 0
    for (const shard of await readdir(this.#folder)) {
      if (shard.length !== 2) continue
      for (const name of await readdir(join(this.#folder, shard))) {
        const path = join(this.#folder, shard, name)
        const found = await stat(path).catch(() => undefined)
        if (found === undefined) continue
        total += found.size
        files.push({ path, size: found.size, usedMs: found.mtimeMs })
      }
    }
    if (total <= this.#maxBytes) return
    files.sort((a, b) => a.usedMs - b.usedMs)
    for (const { path, size } of files) {
      if (total <= this.#maxBytes * CACHE_LOW_WATER) return
      await rm(path, { force: true })
      total -= size
    }
  }

  #pathOf(sha256: string): string {
    if (!SHA256.test(sha256)) throw new GuardError('file-unverified', 'That is no sha256.')
    return join(this.#folder, sha256.slice(0, 2), sha256)
  }

  async #keep(path: string, handle: FileHandle, sha256: string): Promise<void> {
    const target = this.#pathOf(sha256)
    const shard = sha256.slice(0, 2)
    if (!this.#made.has(shard)) {
      await mkdir(join(this.#folder, shard), { recursive: true, mode: 0o700 })
      this.#made.add(shard)
    }
    await rename(path, target)
    this.#stored += 1
    const found = await handle.stat({ bigint: true })
    if (found.size > WHOLE_FILE_BYTES) this.#remember(sha256, found)
  }

  async #sweepParts(): Promise<void> {
    const folder = join(this.#folder, 'parts')
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs > STALE_PART_MS) await rm(path, { force: true })
    }
  }
}

/** Something that is being received. */
export class CachePart implements AsyncDisposable {
  readonly handle: FileHandle
  readonly #path: string
  readonly #keep: (sha256: string) => Promise<void>
  readonly #piece: Buffer
  #filled = 0
  #kept = false

  constructor(handle: FileHandle, path: string, pieceBytes: number, keep: (sha256: string) => Promise<void>) {
    this.handle = handle
    this.#path = path
    // TLS hands on 16 KB at a time, and each write is a turn of another thread.
    this.#piece = Buffer.allocUnsafeSlow(pieceBytes)
    this.#keep = keep
  }

  /** @throws GuardError `cache-unusable`: the disk is full */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const taken = bytes.subarray(at, at + this.#piece.length - this.#filled)
      this.#piece.set(taken, this.#filled)
      this.#filled += taken.length
      at += taken.length
      if (this.#filled === this.#piece.length) await this.#flush()
    }
  }

  async #flush(): Promise<void> {
    try {
      for (let at = 0; at < this.#filled;) {
        at += (await this.handle.write(this.#piece, at, this.#filled - at)).bytesWritten
      }
    } catch (cause) {
      throw new GuardError('cache-unusable', 'What is received cannot be written: is the disk full?', { cause })
    }
    this.#filled = 0
  }

  /** Gives it its name, once it was verified to have this sha256. */
  async keep(sha256: string): Promise<void> {
    await this.#flush()
    await this.#keep(sha256)
    this.#kept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close()
    if (!this.#kept) await rm(this.#path, { force: true })
  }
}

/** Opens what stands there, and follows no link (attacks.md CLI-4). */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EACCES' || code === 'EISDIR') return undefined
    throw error
  }
}

/** Whether it is a plain file of this user's. */
function isOwn(found: BigIntStats): boolean {
  return found.isFile() && (process.getuid === undefined || Number(found.uid) === process.getuid())
}

function stateOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

async function readHashed(
  handle: FileHandle,
  size: number,
): Promise<{ readonly sha256: string; readonly size: number; readonly bytes: Uint8Array | undefined }> {
  if (size <= WHOLE_FILE_BYTES) {
    const bytes = Buffer.allocUnsafeSlow(size)
    let at = 0
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, size - at, at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return { sha256: hash('sha256', bytes), size, bytes }
  }
  const digest = createHash('sha256')
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  let at = 0
  for (;;) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, at)
    if (bytesRead === 0) break
    digest.update(piece.subarray(0, bytesRead))
    at += bytesRead
  }
  return { sha256: digest.digest('hex'), size: at, bytes: undefined }
}
