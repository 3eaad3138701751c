import { hash } from 'node:crypto'
import type { Blob, BlobSource, BlobStore } from './blob-store.ts'
import { ofItsOwn } from './of-its-own.ts'

/** What reading and writing page bodies takes of a blob store. */
export type BodyStore = Pick<BlobStore, 'get' | 'put'>

/**
 * A blob store that hands out the blobs it stored last from memory, within `maxBytes`: the reader for whose sake a page
 * was published asks for its body at once, and four trips to the disk would bring what is in hand. Sound because a blob
 * never changes; one larger than a sixteenth of the bound is not kept. The local path is left out.
 */
export class RecentBlobs implements BodyStore {
  readonly #blobs: BodyStore
  readonly #maxBytes: number
  readonly #recent = new Map<string, Buffer>()
  #bytes = 0

  constructor(blobs: BodyStore, maxBytes: number) {
    this.#blobs = blobs
    this.#maxBytes = maxBytes
  }

  async put(
    sha256: string,
    source: BlobSource,
    options?: { readonly replace?: boolean },
  ): Promise<{ readonly size: number }> {
    const stored = await this.#blobs.put(sha256, source, options)
    if (!(source instanceof Uint8Array) || source.length > this.#maxBytes / 16) return stored
    // The store does not look at the bytes of what it has already.
    if (hash('sha256', source) === sha256) this.#keep(sha256, ofItsOwn(source))
    return stored
  }

  async get(sha256: string): Promise<Blob | undefined> {
    const bytes = this.#recent.get(sha256)
    if (bytes === undefined) return this.#blobs.get(sha256)
    return {
      size: bytes.length,
      async *stream({ start, end } = { start: 0, end: bytes.length }) {
        yield bytes.subarray(start, end)
      },
    }
  }

  #keep(sha256: string, bytes: Buffer): void {
    if (this.#recent.has(sha256)) return
    this.#recent.set(sha256, bytes)
    this.#bytes += bytes.length
    for (const [oldest, { length }] of this.#recent) {
      if (this.#bytes <= this.#maxBytes) break
      this.#recent.delete(oldest)
      this.#bytes -= length
    }
  }
}
