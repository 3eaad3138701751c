import { hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Blob, ByteRange } from '../blobs/blob-store.ts'
import { isMissing } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { FILE_BUFFER_FALLBACK, FILE_BUFFER_SIZE, SMALL_FILE_MAX } from '../limits.ts'
import { noteCache } from '../telemetry/request-record.ts'
import type { BufferPool } from './buffer-pool.ts'
import { ifNoneMatchHolds } from './entity-tag.ts'
import { rangeFor } from './range.ts'
import { refuseRead } from './refuse.ts'
import { ResponseWriter } from './response-writer.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import type { SmallFiles } from './small-files.ts'

/** How an immutable file is described to the client, whether it is stored already or still arriving. */
export interface FileHeaders {
  /** Strong, with its quotes; the sha256 of the file is one. */
  readonly etag: string
  readonly contentType: string
  /** `private` where reading needs credentials: shared caches must not keep it. */
  readonly visibility: 'public' | 'private'
  /** More header pairs, flat. */
  readonly headers?: readonly string[]
}

/** A stored file, ready to be sent. */
export interface StoredFile extends FileHeaders {
  readonly blob: Blob
  /** What a small file is checked against before any of it is sent. */
  readonly sha256?: string
  /** The file's address in the configuration of an nginx before us, which then sends it (`X-Accel-Redirect`). */
  readonly accelPath?: string
}

/** What became of an answer: everything that was asked for went out, or the client went away or was cut off. */
export type SendOutcome = 'sent' | 'cut'

/**
 * Answers a GET or HEAD with an immutable stored file: conditional requests, one range with If-Range, back-pressure,
 * flat memory (behaviour.md 7.3.5; attacks.md RANGE). `smallFiles` spares small ones the disk. Rejects before any header is out when the file cannot be opened
 * (or, up to `SMALL_FILE_MAX`, read and found whole: else IndexError `blob-damaged`); later failures cut the connection, so that a client never takes a part for the
 * whole.
 */
export async function sendFile(
  req: IncomingMessage,
  res: ServerResponse,
  file: StoredFile,
  pool: BufferPool,
  smallFiles?: SmallFiles,
): Promise<SendOutcome> {
  const { blob, etag, accelPath } = file
  if (isUnchanged(req, etag)) {
    noteCache(res, 'revalidated')
    return sendHead(res, 304, validators(file))
  }
  // HEAD too: nginx gives the file a tag of its own, and one file has one tag.
  noteCache(res, accelPath === undefined ? 'disk' : 'proxy')
  if (accelPath !== undefined) return sendHead(res, 200, accelerated(file, accelPath))
  const headers = describe(file)
  if (req.method === 'HEAD') return sendHead(res, 200, ['Content-Length', String(blob.size), ...headers])
  const answer = rangeFor(req.headers, { size: blob.size, etag })
  if (answer.kind === 'unsatisfiable') {
    refuseRead(res, req, { code: 'range-unsatisfiable', size: blob.size })
    return 'sent'
  }
  const range = answer.kind === 'full' ? { start: 0, end: blob.size } : answer.range
  headers.push('Content-Length', String(range.end - range.start))
  if (answer.kind === 'partial') headers.push('Content-Range', `bytes ${range.start}-${range.end - 1}/${blob.size}`)
  const status = answer.kind === 'full' ? 200 : 206
  if (blob.path === undefined) {
    const source = blob.stream(answer.kind === 'full' ? undefined : range)
    return relay(res, status, headers, source, range.end - range.start)
  }
  const kept = smallFiles?.get(blob.path)
  if (kept !== undefined) {
    noteCache(res, 'memory')
    return sendBytes(res, status, headers, kept.subarray(range.start, range.end))
  }
  await using handle = await openStored(blob.path)
  if (range.end - range.start <= SMALL_FILE_MAX) {
    const bytes = await readWhole(handle, range)
    if (bytes.length === blob.size) {
      // Once for each file that is kept: what is kept would outlive its repair on the disk.
      if (file.sha256 !== undefined && hash('sha256', bytes) !== file.sha256) throw damaged(file.sha256)
      smallFiles?.keep(blob.path, bytes)
    }
    return sendBytes(res, status, headers, bytes)
  }
  res.writeHead(status, headers)
  const writer = new ResponseWriter(res)
  const complete = await copy(handle, range, writer, pool)
  if (!complete) {
    writer.cut()
    return 'cut'
  }
  writer.end()
  return 'sent'
}

function damaged(sha256: string): IndexError {
  return new IndexError('blob-damaged', `The blob ${sha256} does not hold what its name says.`)
}

async function openStored(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new IndexError('blob-missing', 'The stored file is not there any more.', { cause: error })
  }
}

/** A file that is still arriving from elsewhere. */
export interface ArrivingFile extends FileHeaders {
  /** Its bytes; a chunk may be reused once the next one is asked for. Failing means that the file is not good. */
  readonly source: AsyncIterable<Uint8Array>
  /** Its size, where that is known in advance. */
  readonly size?: number
}

/**
 * Answers a GET or HEAD with a file while it arrives. No ranges: what has not been checked cannot be cut up; If-Range
 * then rightly gets everything. Rejects before any header is out when the source fails before its first chunk; later
 * failures, and a source shorter or longer than `size`, cut the connection. When the client goes away the source is
 * ended (`return`), without waiting for it.
 */
export async function sendStream(req: IncomingMessage, res: ServerResponse, file: ArrivingFile): Promise<SendOutcome> {
  if (req.method === 'HEAD') return sendDescription(req, res, file)
  const headers = describe(file)
  if (file.size !== undefined) headers.push('Content-Length', String(file.size))
  return relay(res, 200, headers, file.source, file.size)
}

/** Answers a HEAD, or a GET whose If-None-Match holds, about a file that is not here. */
export function sendDescription(
  req: IncomingMessage,
  res: ServerResponse,
  file: FileHeaders & { readonly size?: number },
): SendOutcome {
  if (isUnchanged(req, file.etag)) return sendHead(res, 304, validators(file))
  const headers = describe(file)
  if (file.size !== undefined) headers.push('Content-Length', String(file.size))
  return sendHead(res, 200, headers)
}

/** Whether the client has these very bytes, by its own If-None-Match. */
export function isUnchanged(req: IncomingMessage, etag: string): boolean {
  const ifNoneMatch = req.headers['if-none-match']
  return ifNoneMatch !== undefined && ifNoneMatchHolds(ifNoneMatch, etag)
}

/** What never changes under its address. */
export function immutableFor(visibility: 'public' | 'private'): string {
  return `${visibility}, max-age=365000000, immutable`
}

function validators({ etag, visibility, headers = [] }: FileHeaders): string[] {
  return ['ETag', etag, 'Cache-Control', immutableFor(visibility), ...headers]
}

/** What nginx keeps of our headers is few; Accept-Ranges it would send beside its own. */
function accelerated(file: FileHeaders, path: string): string[] {
  const { contentType } = file
  return [
    'Content-Length',
    '0',
    'X-Accel-Redirect',
    path,
    'Content-Type',
    contentType,
    ...SECURITY_HEADERS,
    ...validators(file),
  ]
}

function describe(file: FileHeaders): string[] {
  return ['Content-Type', file.contentType, 'Accept-Ranges', 'bytes', ...SECURITY_HEADERS, ...validators(file)]
}

function sendHead(res: ServerResponse, status: number, headers: string[]): SendOutcome {
  res.writeHead(status, headers)
  res.end()
  return 'sent'
}

function sendBytes(res: ServerResponse, status: number, headers: string[], bytes: Buffer): SendOutcome {
  res.writeHead(status, headers)
  res.end(bytes)
  return 'sent'
}

async function relay(
  res: ServerResponse,
  status: number,
  headers: string[],
  source: AsyncIterable<Uint8Array>,
  size: number | undefined,
): Promise<SendOutcome> {
  const writer = new ResponseWriter(res)
  const chunks = source[Symbol.asyncIterator]()
  const abandon = (): SendOutcome => {
    writer.cut()
    // A source that hangs would never answer; its own failure on the way out interests nobody any more.
    chunks.return?.().catch(() => {})
    return 'cut'
  }
  let sent = 0
  try {
    for (;;) {
      const next = await writer.whileOpen(chunks.next())
      if (next === false) return abandon()
      if (!res.headersSent) res.writeHead(status, headers)
      if (next.done === true) break
      sent += next.value.length
      if (size !== undefined && sent > size) return abandon()
      if (!(await writer.write(next.value))) return abandon()
    }
  } catch (error) {
    if (!res.headersSent && !writer.closed) throw error
    writer.cut()
    return 'cut'
  }
  if (size !== undefined && sent !== size) return abandon()
  writer.end()
  return 'sent'
}

async function readWhole(handle: FileHandle, { start, end }: ByteRange): Promise<Buffer> {
  // Not from Node's shared pool: a small file that is kept would keep the whole slab.
  const bytes = Buffer.allocUnsafeSlow(end - start)
  const length = await fill(handle, bytes, start)
  if (length !== bytes.length) throw new Error(`a stored file ends at ${start + length} instead of ${end}`)
  return bytes
}

/** Reads until `bytes` is full or the file ends; how many bytes that were. */
async function fill(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, position + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

/** Sends a range with two buffers, one being read into while the other is written (stack.md B1, streaming finding). */
async function copy(handle: FileHandle, range: ByteRange, writer: ResponseWriter, pool: BufferPool): Promise<boolean> {
  const lent = range.end - range.start > FILE_BUFFER_SIZE ? [pool.take(), pool.take()] : [pool.take()]
  const buffers = new Set(lent.filter((buffer) => buffer !== undefined))
  let [current = Buffer.allocUnsafeSlow(FILE_BUFFER_FALLBACK), other] = buffers
  let position = range.start
  // A failed read becomes a length that cannot be right: nothing may reject while the other buffer is being written.
  const read = async (buffer: Buffer) =>
    fill(handle, buffer.subarray(0, Math.min(buffer.length, range.end - position)), position).catch(() => 0)
  let reading: Promise<number> | undefined = read(current)
  try {
    while (position < range.end) {
      const wanted = Math.min(current.length, range.end - position)
      const length = await (reading ?? read(current))
      if (length !== wanted) return false
      position += length
      reading = other !== undefined && position < range.end ? read(other) : undefined
      if (!(await writer.write(current.subarray(0, length)))) {
        await reading
        if (buffers.delete(current)) pool.forget()
        return false
      }
      if (other !== undefined) [current, other] = [other, current]
    }
    return true
  } finally {
    for (const buffer of buffers) pool.release(buffer)
  }
}
