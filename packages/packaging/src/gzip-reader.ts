import { Readable } from 'node:stream'
import { crc32, createInflateRaw } from 'node:zlib'
import { PackagingError } from './error.ts'
import { MAX_ARCHIVE_BYTES, MAX_ARCHIVE_RATIO, MAX_GZIP_HEADER_BYTES, RATIO_FREE_BYTES } from './limits.ts'

const TRAILER_BYTES = 8
const FLAG_HEADER_CRC = 2
const FLAG_EXTRA = 4
const FLAG_NAME = 8
const FLAG_COMMENT = 16
/** The end record of a ZIP archive and the longest comment behind it. */
const ZIP_TAIL_BYTES = 22 + 0xffff

/**
 * Decompresses a file that is exactly one gzip member: some readers go on to a second one and some do not, and bytes behind it are
 * a hiding place. Refuses bombs as they unfold (attacks.md TAR-BOMB), and a file that Python's zipfile would open as well (ZIP-TAR).
 * `compressedSize`, where known, is what the ratio is measured against; else what was read so far.
 * @throws PackagingError `archive-invalid` or `limit-exceeded`; errors of `chunks` pass through
 */
export async function* gunzipOne(
  chunks: AsyncIterable<Uint8Array>,
  compressedSize?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const raw = new RawInput(chunks)
  try {
    yield* gunzipRaw(raw, compressedSize)
  } finally {
    raw.close()
  }
}

async function* gunzipRaw(
  raw: RawInput,
  compressedSize: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const headerLength = await skipHeader(raw)
  const inflater = createInflateRaw({ chunkSize: 256 * 1024 })
  let inputError: unknown
  const input = Readable.from(
    (async function* () {
      try {
        for (let chunk = await raw.next(); chunk !== undefined; chunk = await raw.next()) yield chunk
      } catch (error) {
        inputError = error
        throw error
      }
    })(),
    { objectMode: true, highWaterMark: 1 },
  )
  input.on('error', (error) => inflater.destroy(error))
  input.pipe(inflater)
  let size = 0
  let crc = 0
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) {
      size += chunk.length
      crc = crc32(chunk, crc)
      const compressed = compressedSize ?? raw.total
      if (size > MAX_ARCHIVE_BYTES) throw limit('File is too large when decompressed')
      if (size > RATIO_FREE_BYTES && size > compressed * MAX_ARCHIVE_RATIO) {
        throw limit(`File exceeds compression ratio of ${MAX_ARCHIVE_RATIO}`)
      }
      yield chunk
    }
  } catch (error) {
    if (inputError !== undefined) throw inputError
    if (error instanceof PackagingError) throw error
    throw gzipError('Malformed gzip data', { cause: error })
  } finally {
    input.destroy()
    inflater.destroy()
  }
  while ((await raw.next()) !== undefined);
  const behind = raw.total - headerLength - inflater.bytesWritten
  if (behind < TRAILER_BYTES) throw gzipError('Truncated gzip data')
  if (behind > TRAILER_BYTES) throw gzipError('Trailing data')
  const trailer = raw.tail.subarray(-TRAILER_BYTES)
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== size % 0x1_0000_0000) {
    throw gzipError('Mis-matched gzip checksum')
  }
  if (endsLikeZip(raw.tail, raw.total)) throw gzipError('File is also a ZIP archive')
}

/** The refusal of a compressed tar archive. */
export function gzipError(reason: string, options?: { readonly cause?: unknown }): PackagingError {
  return new PackagingError('archive-invalid', `tar archive not accepted: ${reason}.`, options)
}

function limit(reason: string): PackagingError {
  return new PackagingError('limit-exceeded', `tar archive not accepted: ${reason}.`)
}

/** Counts what is read and remembers its end. */
class RawInput {
  readonly #iterator: AsyncIterator<Uint8Array>
  #pushedBack: Uint8Array | undefined
  total = 0
  tail: Buffer = Buffer.alloc(0)

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  async next(): Promise<Uint8Array | undefined> {
    const pushedBack = this.#pushedBack
    if (pushedBack !== undefined) {
      this.#pushedBack = undefined
      return pushedBack
    }
    const result = await this.#iterator.next()
    if (result.done === true) return undefined
    this.total += result.value.length
    const joined = Buffer.concat([this.tail, result.value.subarray(-ZIP_TAIL_BYTES)])
    this.tail = joined.subarray(-ZIP_TAIL_BYTES)
    return result.value
  }

  /** Nothing more will be read. */
  close(): void {
    this.#iterator.return?.().catch(() => undefined)
  }

  pushBack(chunk: Uint8Array): void {
    this.#pushedBack = chunk
  }
}

/** The length of the gzip header (RFC 1952); the input stands behind it. */
async function skipHeader(raw: RawInput): Promise<number> {
  let head: Buffer = Buffer.alloc(0)
  for (;;) {
    const length = head.length < 10 ? undefined : headerLength(head)
    if (length !== undefined) {
      raw.pushBack(head.subarray(length))
      return length
    }
    if (head.length > MAX_GZIP_HEADER_BYTES) throw gzipError('Malformed gzip header')
    const chunk = await raw.next()
    if (chunk === undefined) throw gzipError('Not a gzip file')
    head = Buffer.concat([head, chunk])
  }
}

/** `undefined` when more bytes are needed. */
function headerLength(head: Buffer): number | undefined {
  if (head[0] !== 0x1f || head[1] !== 0x8b || head[2] !== 8) throw gzipError('Not a gzip file')
  const flags = head[3] ?? 0
  if ((flags & 0xe0) !== 0) throw gzipError('Malformed gzip header')
  let at = 10
  if ((flags & FLAG_EXTRA) !== 0) {
    if (head.length < at + 2) return undefined
    at += 2 + head.readUInt16LE(at)
  }
  for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
    if ((flags & flag) === 0) continue
    const end = head.indexOf(0, at)
    if (end < 0) return undefined
    at = end + 1
  }
  if ((flags & FLAG_HEADER_CRC) !== 0) at += 2
  if (at > MAX_GZIP_HEADER_BYTES) throw gzipError('Malformed gzip header')
  return at <= head.length ? at : undefined
}

/** Whether Python's zipfile would find an end record that it can believe: it takes any comment length. */
function endsLikeZip(tail: Buffer, total: number): boolean {
  for (let at = tail.lastIndexOf('PK\u0005\u0006', tail.length, 'latin1'); at >= 0;) {
    const position = total - tail.length + at
    if (at + 22 <= tail.length && tail.readUInt32LE(at + 12) + tail.readUInt32LE(at + 16) <= position) return true
    at = at === 0 ? -1 : tail.lastIndexOf('PK\u0005\u0006', at - 1, 'latin1')
  }
  return false
}
