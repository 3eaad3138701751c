import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Blob, ByteRange } from '../blobs/blob-store.ts'
import { FILE_BUFFER_SIZE } from '../limits.ts'
import { BufferPool } from './buffer-pool.ts'
import { SmallFiles } from './small-files.ts'
import { sendFile, sendStream, type ArrivingFile, type SendOutcome, type StoredFile } from './send-file.ts'

const big = randomBytes(3 * FILE_BUFFER_SIZE + 12_345)
const other = randomBytes(3 * FILE_BUFFER_SIZE + 12_345)
const small = randomBytes(1_000)
const pool = new BufferPool(8 * FILE_BUFFER_SIZE)

let folder: string
let server: Server
let handler: (req: IncomingMessage, res: ServerResponse) => Promise<SendOutcome>
let outcome: Promise<SendOutcome>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'send-file-'))
  for (const [name, bytes] of Object.entries({ big, other, small, empty: Buffer.alloc(0) })) {
    await writeFile(join(folder, name), bytes)
  }
  server = createServer((req, res) => {
    outcome = handler(req, res)
    outcome.catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

function stored(name: string, bytes: { readonly length: number }, extra: Partial<StoredFile> = {}): StoredFile {
  const blob: Blob = {
    size: bytes.length,
    path: join(folder, name),
    stream: () => assert.fail('a local file is read from its path'),
  }
  return { blob, etag: `"${name}"`, contentType: 'application/octet-stream', visibility: 'public', ...extra }
}

async function start(headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false, method, headers }, resolve).on('error', reject).end()
  })
}

async function get(file: StoredFile, headers: Record<string, string> = {}, method = 'GET', from = pool) {
  handler = (req, res) => sendFile(req, res, file, from)
  const res = await start(headers, method)
  return { status: res.statusCode, headers: res.headers, body: await buffer(res) }
}

test('a whole file comes with everything that lets pip keep and resume it (behaviour.md 7.3.5)', async () => {
  for (const [name, bytes] of [
    ['big', big],
    ['small', small],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    const { status, headers, body } = await get(stored(name, bytes))
    assert.equal(status, 200)
    assert.deepEqual(body, bytes)
    assert.equal(headers['content-length'], String(bytes.length))
    assert.equal(headers['accept-ranges'], 'bytes')
    assert.equal(headers.etag, `"${name}"`)
    assert.equal(headers['cache-control'], 'public, max-age=365000000, immutable')
    assert.equal(headers['content-encoding'], undefined)
    assert.equal(await outcome, 'sent')
  }
  assert.equal(pool.lent, 0)
  const own = await get(stored('small', small, { visibility: 'private', headers: ['X-Own', '1'] }))
  assert.match(String(own.headers['cache-control']), /^private, /)
  assert.equal(own.headers['x-own'], '1')
})

test('HEAD has the headers of GET and no body; it ignores Range', async () => {
  const whole = await get(stored('big', big))
  const head = await get(stored('big', big), { range: 'bytes=0-0' }, 'HEAD')
  assert.equal(head.status, 200)
  assert.equal(head.body.length, 0)
  assert.deepEqual({ ...head.headers, date: '' }, { ...whole.headers, date: '' })
})

test('a client that has the file gets a 304', async () => {
  const { status, headers, body } = await get(stored('big', big), { 'if-none-match': '"x", "big"' })
  assert.equal(status, 304)
  assert.equal(body.length, 0)
  assert.equal(headers.etag, '"big"')
  assert.equal(headers['cache-control'], 'public, max-age=365000000, immutable')
})

test('RANGE: a part is exactly that part', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(big.length - 1), fc.nat(big.length + 9), async (start, length) => {
      const end = start + length
      const { status, headers, body } = await get(stored('big', big), { range: `bytes=${start}-${end}` })
      assert.equal(status, 206)
      const last = Math.min(end, big.length - 1)
      assert.equal(headers['content-range'], `bytes ${start}-${last}/${big.length}`)
      assert.equal(headers['content-length'], String(last + 1 - start))
      assert.ok(body.equals(big.subarray(start, last + 1)))
    }),
    { numRuns: 40 },
  )
  const tail = await get(stored('big', big), { range: 'bytes=-500' })
  assert.deepEqual(tail.body, big.subarray(-500))
  assert.equal(pool.lent, 0)
})

test('RANGE: beyond the end is 416 with the size; another If-Range gets the whole file', async () => {
  const beyond = await get(stored('small', small), { range: 'bytes=1000-' })
  assert.equal(beyond.status, 416)
  assert.equal(beyond.headers['content-range'], 'bytes */1000')
  assert.equal(beyond.headers['content-type'], 'application/problem+json')
  assert.equal(beyond.headers['cache-control'], 'no-store')
  const changed = await get(stored('small', small), { range: 'bytes=5-', 'if-range': '"old"' })
  assert.equal(changed.status, 200)
  assert.deepEqual(changed.body, small)
  const same = await get(stored('small', small), { range: 'bytes=5-', 'if-range': '"small"' })
  assert.equal(same.status, 206)
  assert.deepEqual(same.body, small.subarray(5))
})

test('many at once from a pool that is too small: every one gets its own bytes', async () => {
  const tiny = new BufferPool(3 * FILE_BUFFER_SIZE)
  handler = (req, res) => sendFile(req, res, req.url === '/big' ? stored('big', big) : stored('other', other), tiny)
  const { port } = server.address() as AddressInfo
  const bodies = await Promise.all(
    Array.from({ length: 16 }, async (_, i) => {
      const path = i % 2 === 0 ? '/big' : '/other'
      const res = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ port, host: '127.0.0.1', agent: false, path }, resolve).on('error', reject).end()
      })
      return buffer(res)
    }),
  )
  for (const [i, body] of bodies.entries()) assert.ok(body.equals(i % 2 === 0 ? big : other))
  assert.equal(tiny.lent, 0)
})

test('a client that goes away stops the work at once and gives everything back', async () => {
  const path = join(folder, 'sparse')
  const handle = await open(path, 'w')
  await handle.truncate(500_000_000)
  await handle.close()
  handler = (req, res) => sendFile(req, res, stored('sparse', { length: 500_000_000 }), pool)
  for (let i = 0; i < 5; i += 1) {
    const res = await start()
    await once(res, 'data')
    res.destroy()
    assert.equal(await outcome, 'cut')
    assert.equal(pool.lent, 0)
  }
  assert.ok((await get(stored('big', big))).body.equals(big))
})

test('a file that is shorter than it should be is cut off, never taken for complete', async () => {
  await assert.rejects(get(stored('big', { length: big.length + 1 })), { code: 'ECONNRESET' })
  assert.equal(await outcome, 'cut')
  assert.equal(pool.lent, 0)
})

test('a file that cannot be opened, or a small one that cannot be read, is reported before any header', async () => {
  for (const [name, length] of [
    ['missing', 9],
    ['missing', 900_000],
    ['small', 1_001],
  ] as const) {
    let headersSent: boolean | undefined
    handler = async (req, res) => {
      try {
        return await sendFile(req, res, stored(name, { length }), pool)
      } catch (error) {
        headersSent = res.headersSent
        throw error
      }
    }
    await assert.rejects(start())
    await assert.rejects(outcome)
    assert.equal(headersSent, false)
  }
})

test('RANGE: a small file that is kept in memory is answered like one from the disk', async () => {
  const smallFiles = new SmallFiles(100_000)
  await writeFile(join(folder, 'kept'), small)
  const file = stored('kept', small)
  handler = (req, res) => sendFile(req, res, file, pool, smallFiles)
  assert.deepEqual(await buffer(await start({ range: 'bytes=0-9' })), small.subarray(0, 10))
  assert.equal(smallFiles.bytes, 0, 'a part is not kept as the whole')
  const first = await start()
  assert.deepEqual(await buffer(first), small)
  await rm(join(folder, 'kept'))
  const second = await start()
  assert.deepEqual(await buffer(second), small)
  assert.deepEqual({ ...second.headers, date: '' }, { ...first.headers, date: '' })
  const part = await start({ range: 'bytes=-10' })
  assert.equal(part.statusCode, 206)
  assert.deepEqual(await buffer(part), small.subarray(-10))
})

test('behind nginx the file is named, not sent', async () => {
  const { headers, body } = await get(stored('big', big, { accelPath: '/blobs/ab/cd' }), { range: 'bytes=0-0' })
  assert.equal(headers['x-accel-redirect'], '/blobs/ab/cd')
  assert.equal(headers['accept-ranges'], undefined, 'nginx sends its own')
  assert.equal(body.length, 0)
})

test('a blob without a local file is streamed, ranges included', async () => {
  const blob: Blob = {
    size: big.length,
    async *stream(range: ByteRange = { start: 0, end: big.length }) {
      for (let at = range.start; at < range.end; at += 10_000) yield big.subarray(at, Math.min(at + 10_000, range.end))
    },
  }
  assert.ok((await get(stored('big', big, { blob }))).body.equals(big))
  const part = await get(stored('big', big, { blob }), { range: 'bytes=100-300000' })
  assert.equal(part.status, 206)
  assert.ok(part.body.equals(big.subarray(100, 300_001)))
})

/** A source of big's bytes that runs `then` after `chunks` chunks. */
async function* arriving(chunks: number, then: () => unknown = () => {}): AsyncGenerator<Buffer> {
  for (let at = 0; at < chunks; at += 1) yield big.subarray(at * 50_000, (at + 1) * 50_000)
  await then()
}

const described = { etag: '"x"', contentType: 'application/octet-stream', visibility: 'public' } as const
const fails = () => {
  throw new Error('digest')
}

async function getStream(file: Omit<ArrivingFile, keyof typeof described>, method = 'GET') {
  handler = (req, res) => sendStream(req, res, { ...described, ...file })
  const res = await start({}, method)
  return { headers: res.headers, body: await buffer(res) }
}

test('an arriving file is relayed, with its length where it is known', async () => {
  const known = await getStream({ source: arriving(10), size: 500_000 })
  assert.equal(known.headers['content-length'], '500000')
  assert.equal(known.headers['accept-ranges'], 'bytes')
  assert.ok(known.body.equals(big.subarray(0, 500_000)))
  const unknown = await getStream({ source: arriving(10) })
  assert.equal(unknown.headers['transfer-encoding'], 'chunked')
  assert.ok(unknown.body.equals(big.subarray(0, 500_000)))
  const empty = await getStream({ source: arriving(0), size: 0 })
  assert.equal(empty.headers['content-length'], '0')
})

test('a source that fails, ends early or brings too much never makes a complete transfer', async () => {
  for (const file of [
    { source: arriving(3, fails), size: 500_000 },
    { source: arriving(10, fails), size: 500_001 },
    { source: arriving(3, fails) },
    { source: arriving(3), size: 500_000 },
    { source: arriving(11), size: 500_001 },
  ]) {
    await assert.rejects(getStream(file), { code: 'ECONNRESET' })
    assert.equal(await outcome, 'cut')
  }
})

test('a source that fails before its first chunk is reported before any header', async () => {
  let headersSent: boolean | undefined
  handler = async (req, res) => {
    try {
      return await sendStream(req, res, { ...described, source: arriving(0, fails) })
    } catch (error) {
      headersSent = res.headersSent
      throw error
    }
  }
  await assert.rejects(start())
  await assert.rejects(outcome, /digest/)
  assert.equal(headersSent, false)
})

test('when the client goes away, a hanging source does not hold the answer, and is ended', async () => {
  let returned = false
  let chunks = 0
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        chunks += 1
        return chunks === 1 ? Promise.resolve({ done: false, value: Buffer.from('a') }) : new Promise(() => {})
      },
      return: () => {
        returned = true
        return Promise.resolve({ done: true, value: undefined })
      },
    }),
  }
  handler = (req, res) => sendStream(req, res, { ...described, source, size: 100 })
  const res = await start()
  await once(res, 'data')
  res.destroy()
  assert.equal(await outcome, 'cut')
  assert.ok(returned)
})

test('back-pressure: the next chunk is asked for only when the last one is with the system', async () => {
  const sums = createHash('sha256')
  let waiting = 0
  handler = (_req, res) => {
    async function* source(): AsyncGenerator<Buffer> {
      const reused = Buffer.alloc(1_000_000)
      for (let at = 0; at < 30; at += 1) {
        waiting = Math.max(waiting, res.writableLength)
        reused.fill(at)
        sums.update(reused)
        yield reused
      }
    }
    return sendStream(_req, res, { ...described, source: source() })
  }
  const received = createHash('sha256')
  for await (const chunk of await start()) received.update(chunk as Buffer)
  assert.equal(received.digest('hex'), sums.digest('hex'))
  assert.equal(waiting, 0)
})

test('HEAD of an arriving file does not touch its source', async () => {
  const source = { [Symbol.asyncIterator]: () => assert.fail('touched') }
  const { headers } = await getStream({ source, size: 9 }, 'HEAD')
  assert.equal(headers['content-length'], '9')
})
