import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import type { ByteSource } from './byte-source.ts'
import type { ZipEntry } from './zip-directory.ts'
import { zipError } from './zip-error.ts'
import { readExactly } from './zip-window.ts'

/** How much of a member is read at once: enough that system calls cost little, little enough that memory stays flat. */
const CHUNK_BYTES = 256 * 1024
/** A member up to this size is inflated in one call: a stream costs more than the work, and 1 MiB blocks for a few milliseconds. */
const SMALL_BYTES = 1024 * 1024

/** The digests that RECORD may hold: sha256 or stronger (PEP 376, PEP 427). */
export type RecordAlgorithm = 'sha256' | 'sha384' | 'sha512'

/**
 * The content of a member, in chunks. The stream ends in PackagingError `archive-invalid` unless the data decompresses to exactly
 * the stated size and CRC and uses exactly the stated compressed bytes (bytes behind the end of a deflate stream would be a hiding
 * place). It never holds more than a few chunks in memory (attacks.md ZIP-BOMB).
 */
export function streamZipEntry(source: ByteSource, entry: ZipEntry): AsyncGenerator<Uint8Array, void, undefined> {
  return checkedChunks(source, entry)
}

/**
 * Reads a member for nothing but the check of its size and checksum, and hands each chunk to `take`, which must not keep it: all may
 * lie in one buffer, so that a member of gigabytes leaves no gigabytes of garbage behind.
 */
export async function scanZipEntry(
  source: ByteSource,
  entry: ZipEntry,
  take?: (chunk: Uint8Array) => void,
): Promise<void> {
  const buffer = entry.method === 'stored' ? Buffer.allocUnsafe(Math.min(CHUNK_BYTES, entry.compressedSize)) : undefined
  for await (const chunk of checkedChunks(source, entry, buffer)) take?.(chunk)
}

async function* checkedChunks(
  source: ByteSource,
  entry: ZipEntry,
  buffer?: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0
  let crc = 0
  for await (const chunk of entry.method === 'stored' ? readRaw(source, entry, buffer) : inflate(source, entry)) {
    size += chunk.length
    if (size > entry.uncompressedSize) throw zipError('Mis-matched file size')
    crc = crc32(chunk, crc)
    yield chunk
  }
  if (size !== entry.uncompressedSize) throw zipError('Mis-matched file size')
  if (crc !== entry.crc32) throw zipError('Mis-matched checksum')
}

/** The whole content of a member of at most `maxBytes`; a larger one is refused with `limit-exceeded`. */
export async function readZipEntry(source: ByteSource, entry: ZipEntry, maxBytes: number): Promise<Uint8Array> {
  if (entry.uncompressedSize > maxBytes) {
    throw zipError(`A member is larger than the ${maxBytes} bytes that it may have`, { limit: true })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of streamZipEntry(source, entry)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Digest and size of a member's content, in the encoding of RECORD: URL-safe base64 without padding. Flat memory for any size. */
export async function digestZipEntry(
  source: ByteSource,
  entry: ZipEntry,
  algorithm: RecordAlgorithm,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash(algorithm)
  await scanZipEntry(source, entry, (chunk) => void hash.update(chunk))
  return { digest: hash.digest('base64url'), size: entry.uncompressedSize }
}

/** `digestZipEntry` with the digest that nearly every RECORD uses. */
export async function hashZipEntry(
  source: ByteSource,
  entry: ZipEntry,
): Promise<{ readonly sha256Base64Url: string; readonly size: number }> {
  const { digest, size } = await digestZipEntry(source, entry, 'sha256')
  return { sha256Base64Url: digest, size }
}

async function* readRaw(
  source: ByteSource,
  entry: ZipEntry,
  buffer?: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = entry.dataOffset + entry.compressedSize
  for (let at = entry.dataOffset; at < end; at += CHUNK_BYTES) {
    yield await readExactly(source, at, Math.min(CHUNK_BYTES, end - at), buffer)
  }
}

async function* inflate(source: ByteSource, entry: ZipEntry): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry.compressedSize <= SMALL_BYTES && entry.uncompressedSize <= SMALL_BYTES) {
    yield inflateSmall(await readExactly(source, entry.dataOffset, entry.compressedSize), entry.uncompressedSize)
    return
  }
  let sourceError: unknown
  const raw = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* readRaw(source, entry)
    } catch (error) {
      sourceError = error
      throw error
    }
  }
  const input = Readable.from(raw(), { objectMode: true, highWaterMark: 1 })
  const inflater = createInflateRaw({ chunkSize: CHUNK_BYTES })
  input.on('error', (error) => inflater.destroy(error))
  input.pipe(inflater)
  try {
    for await (const chunk of inflater) yield chunk as Uint8Array
  } catch (error) {
    if (sourceError !== undefined) throw sourceError
    throw zipError('Malformed deflate data', { cause: error })
  } finally {
    input.destroy()
    inflater.destroy()
  }
  if (inflater.bytesWritten !== entry.compressedSize) throw zipError('Mis-matched data size')
}

function inflateSmall(bytes: Uint8Array, size: number): Uint8Array {
  let result: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } }
  try {
    // The types know nothing of `info`, which tells how much of the input was used (Node's documentation, zlib, "info").
    result = inflateRawSync(bytes, { info: true, maxOutputLength: Math.max(size, 1) }) as unknown as typeof result
  } catch (error) {
    throw zipError(isTooLarge(error) ? 'Mis-matched file size' : 'Malformed deflate data', { cause: error })
  }
  if (result.engine.bytesWritten !== bytes.length) throw zipError('Mis-matched data size')
  return result.buffer
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}
