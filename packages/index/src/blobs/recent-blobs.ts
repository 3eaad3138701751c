import type { Blob, BlobStore } from './blob-store.ts'

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

  async put(sha256: string, source: Parameters<BlobStore['put']>[1]): Promise<{ readonly size: number }> {
    if ('path' in source) return this.#blobs.put(sha256, source)
    const pieces: Uint8Array[] = []
    const stored = await this.#blobs.put(sha256, collect(source, pieces))
    const bytes = Buffer.concat(pieces)
    // A blob that was there already was not read to its end, or at all.
    if (bytes.length === stored.size && bytes.length <= this.#maxBytes / 16) this.#keep(sha256, bytes)
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

async function* collect(source: AsyncIterable<Uint8Array>, into: Uint8Array[]): AsyncIterable<Uint8Array> {
  for await (const piece of source) {
    into.push(piece)
    yield piece
  }
}
