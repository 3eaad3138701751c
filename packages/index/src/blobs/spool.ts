import { createHash } from 'node:crypto'
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Blake2b256 } from './blake2b.ts'
import type { SpooledFile } from './blob-store.ts'
import { folderOwner, giveTo } from './folder-owner.ts'
import { onDisk, writeAll } from './durable.ts'
import { readOnlyError } from '../store/read-only.ts'
import { PART_RENEWAL_MS } from '../limits.ts'
import { partName, renewParts, sweepParts } from './leftovers.ts'

/** A finished file in the spool with every digest that an upload may state or a page may show; hex. */
export interface SpooledUpload extends SpooledFile {
  readonly blake2b: string
  readonly md5: string
}

/** Where files are received before anybody knows whether they are wanted; as long as it is open, none grows old. */
export interface Spool extends Disposable {
  /** @throws IndexError `storage-failed` */
  createSpoolFile(): Promise<SpoolWriter>
}

/** One file being received; its writes come one after another. */
export interface SpoolWriter {
  /** Where the file stands; it can be read while it grows. */
  readonly path: string
  /** Resolves when the chunk is written and may be used again. @throws IndexError `storage-failed`, nothing being kept */
  write(chunk: Uint8Array): Promise<void>
  /** Ends the file: whoever gets it hands it to `BlobStore.put` or removes it. It is not yet durable. */
  finish(): Promise<SpooledUpload>
  /** Removes the file, finished or not; harmless when it is gone already. */
  discard(): Promise<void>
}

/**
 * Opens the spool in `folder`, which should be on the blob store's file system: files are then taken over without a copy.
 * What processes that are gone have left in it is removed.
 */
export async function openSpool(folder: string): Promise<Spool> {
  const owner = await onDisk(async () => {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (made === folder) await giveTo(await folderOwner(dirname(folder)), [folder])
    await sweepParts(folder)
    return await folderOwner(folder)
  })
  // A disk that fails is told of by the files themselves.
  const renewal = setInterval(() => void renewParts(folder).catch(() => undefined), PART_RENEWAL_MS).unref()
  return {
    [Symbol.dispose]: () => clearInterval(renewal),
    createSpoolFile: () =>
      onDisk(async () => {
        const path = join(folder, partName())
        const handle = await open(path, 'wx', 0o640)
        await giveTo(owner, handle)
        return new FileSpoolWriter(path, handle)
      }),
  }
}

/** Receives nothing: for a server that changes nothing. */
export const closedSpool: Spool = {
  createSpoolFile: () => Promise.reject(readOnlyError()),
  [Symbol.dispose]: () => undefined,
}

class FileSpoolWriter implements SpoolWriter {
  readonly path: string
  readonly #handle: FileHandle
  readonly #sha256 = createHash('sha256')
  readonly #md5 = createHash('md5')
  readonly #blake2b = new Blake2b256()
  #size = 0
  #open = true

  constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      const written = onDisk(() => writeAll(this.#handle, chunk), this.path)
      // Hashed while the kernel takes the bytes.
      this.#sha256.update(chunk)
      this.#md5.update(chunk)
      this.#blake2b.update(chunk)
      this.#size += chunk.length
      await written
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  async finish(): Promise<SpooledUpload> {
    await this.#close()
    return {
      path: this.path,
      size: this.#size,
      sha256: this.#sha256.digest('hex'),
      md5: this.#md5.digest('hex'),
      blake2b: this.#blake2b.hex(),
    }
  }

  async discard(): Promise<void> {
    await this.#close()
    await onDisk(() => rm(this.path, { force: true }))
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await onDisk(() => this.#handle.close())
  }
}
