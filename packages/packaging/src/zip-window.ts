import type { ByteSource } from './byte-source.ts'
import { zipError } from './zip-error.ts'

/** Local headers of small members lie close together: one read of this many bytes serves many of them. */
const WINDOW_BYTES = 64 * 1024

/** Exactly `length` bytes at `offset`; a source that ends earlier is a truncated archive. */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  if (offset < 0 || offset + length > source.size) throw zipError('Truncated archive')
  const bytes = await source.read(offset, length, into)
  if (bytes.length !== length) throw zipError('Truncated archive')
  return bytes
}

/** Reads ahead of a forward walk over a source, with one window's memory. */
export class ZipWindow {
  readonly #source: ByteSource
  readonly #end: number
  #start = 0
  #bytes: Uint8Array = new Uint8Array(0)

  /** `end` is the first byte that must not be looked at. */
  constructor(source: ByteSource, end: number) {
    this.#source = source
    this.#end = end
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.#end) throw zipError('Truncated archive')
    const inside = offset - this.#start
    if (inside < 0 || inside + length > this.#bytes.length) {
      this.#bytes = await readExactly(
        this.#source,
        offset,
        Math.max(length, Math.min(WINDOW_BYTES, this.#end - offset)),
      )
      this.#start = offset
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length)
  }
}
