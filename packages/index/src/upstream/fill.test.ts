import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Fault, Simulator } from '../../../../test/support/upstream-simulator.ts'
import { sha256Of, startSimulator } from '../../../../test/support/upstream-simulator.ts'
import { BackgroundWork } from '../background-work.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { openSpool } from '../blobs/spool.ts'
import { upstreamDefaults } from './config.ts'
import type { Fill } from './fill.ts'
import { FillTable, startFill } from './fill.ts'
import type { Upstream } from './upstream.ts'
import { openUpstream } from './upstream.ts'

const BYTES = randomBytes(3_000_000)
const SHA256 = sha256Of(BYTES)
const SMALL = randomBytes(5000)
const PATH = '/files/demo/demo-1.0.tar.gz'

let folder: string
let simulator: Simulator
let upstream: Upstream
let blobs: BlobStore
let table: FillTable
let background: BackgroundWork
let parts: ConstructorParameters<typeof FillTable>[0]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-fill-'))
  simulator = await startSimulator()
  simulator.addAnswer(PATH, { body: BYTES })
  simulator.addAnswer('/files/small-1.0.tar.gz', { body: SMALL })
  const settings = { firstByteTimeoutMs: 500, floorWindowMs: 300, minBytesPerSecond: 1000 }
  upstream = openUpstream(upstreamDefaults('sim', simulator.simpleUrl, settings))
  blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
  background = new BackgroundWork({ graceMs: 60_000, onLate: () => assert.fail('late') })
  parts = { blobs, spool: await openSpool(join(folder, 'spool')), background }
  table = new FillTable(parts)
})

afterEach(async () => {
  await upstream[Symbol.asyncDispose]()
  await background[Symbol.asyncDispose]()
  await simulator[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

function request(overrides: { sha256?: string; size?: number; path?: string } = {}) {
  const { path = PATH, sha256 = SHA256, size } = overrides
  return {
    sha256,
    filename: 'demo-1.0.tar.gz',
    ...(size === undefined ? {} : { size }),
    open: () => upstream.openFile(simulator.url + path),
  }
}

async function readAll(fill: Fill, into: Uint8Array[] = []): Promise<Buffer> {
  for await (const chunk of fill.read()) into.push(chunk)
  return Buffer.concat(into)
}

async function assertNothingKept(): Promise<void> {
  assert.equal(await blobs.head(SHA256), undefined)
  assert.deepEqual(await readdir(join(folder, 'spool')), [])
}

describe('Fill', () => {
  it('costs one request for 50 readers, all of whom get every byte', async () => {
    const read = await Promise.all(Array.from({ length: 50 }, () => readAll(table.start(request()))))
    for (const bytes of read) assert.ok(bytes.equals(BYTES))
    assert.equal(simulator.requests.length, 1)
    assert.deepEqual(await blobs.head(SHA256), { size: BYTES.length })
    assert.deepEqual(await readdir(join(folder, 'spool')), [])
    assert.equal(table.size, 0)
  })

  it('streams while it fills', async () => {
    const rest = Promise.withResolvers<void>()
    simulator.setFault(PATH, { kind: 'hold', until: rest.promise, afterBytes: 200_000 })
    const fill = table.start(request({ size: BYTES.length }))
    assert.deepEqual(await fill.ready, { size: BYTES.length })
    const chunks = fill.read()[Symbol.asyncIterator]()
    const first = await chunks.next()
    assert.ok(first.done !== true && first.value.byteLength > 0)
    assert.equal(await blobs.head(SHA256), undefined)
    rest.resolve()
    let total = first.value.byteLength
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) total += next.value.byteLength
    assert.equal(total, BYTES.length)
    assert.deepEqual(await fill.done, { sha256: SHA256, size: BYTES.length })
  })

  it('gives the end to nobody before the whole is verified and stored', async () => {
    simulator.setFault(PATH, { kind: 'change-bytes' })
    const fill = table.start(request({ size: BYTES.length }))
    const readers = Array.from({ length: 5 }, (): Uint8Array[] => [])
    for (const result of await Promise.allSettled(readers.map((into) => readAll(fill, into)))) {
      assert.equal(result.status === 'rejected' && result.reason.code, 'digest-mismatch')
    }
    for (const into of readers) assert.ok(Buffer.concat(into).length < BYTES.length)
    await assertNothingKept()
  })

  const FAULTS: readonly (readonly [string, Fault, string])[] = [
    ['truncated', { kind: 'truncate', afterBytes: 2_000_000 }, 'upstream-failed'],
    ['changed at its start', { kind: 'change-bytes', at: 0 }, 'digest-mismatch'],
    ['longer than listed', { kind: 'lying-length', by: 10 }, 'digest-mismatch'],
    ['shorter than listed', { kind: 'lying-length', by: -10 }, 'digest-mismatch'],
    ['endless (ED-TGT)', { kind: 'endless' }, 'digest-mismatch'],
    ['stalled (SR-1)', { kind: 'stall', afterBytes: 100_000 }, 'upstream-failed'],
    ['dripped (SR-1)', { kind: 'drip', everyMs: 20, afterBytes: 100_000 }, 'upstream-failed'],
    ['answered 500', { kind: 'status', status: 500 }, 'upstream-failed'],
    ['answered 404', { kind: 'status', status: 404 }, 'not-found'],
    ['a page of HTML with 200', { kind: 'html-error' }, 'digest-mismatch'],
    ['redirected to a private address (API-SSRF)', { kind: 'redirect', to: 'http://10.0.0.1/' }, 'upstream-failed'],
  ]
  for (const [name, fault, code] of FAULTS) {
    it(`fails for every reader and keeps nothing when the file is ${name}; the next good answer heals`, async () => {
      simulator.setFault(PATH, fault)
      const fill = table.start(request({ size: BYTES.length }))
      const readers = await Promise.allSettled([readAll(fill), readAll(fill), fill.done])
      for (const result of readers) assert.equal(result.status === 'rejected' && result.reason.code, code)
      await assertNothingKept()
      simulator.clearFaults()
      assert.ok((await readAll(table.start(request()))).equals(BYTES))
    })
  }

  it('says so before the first byte when a small file is not what was listed', async () => {
    const fill = table.start(request({ path: '/files/small-1.0.tar.gz' }))
    await assert.rejects(fill.ready, { code: 'digest-mismatch' })
  })

  it('goes on when readers leave', async () => {
    const rest = Promise.withResolvers<void>()
    simulator.setFault(PATH, { kind: 'hold', until: rest.promise, afterBytes: 1_000_000 })
    const fill = table.start(request({ size: BYTES.length }))
    const stays = readAll(fill)
    for await (const chunk of fill.read()) {
      assert.ok(chunk.byteLength > 0)
      break
    }
    const controller = new AbortController()
    const aborted = Array.fromAsync(fill.read(controller.signal))
    controller.abort()
    await assert.rejects(aborted, { name: 'AbortError' })
    rest.resolve()
    assert.ok((await stays).equals(BYTES))
  })

  it('is read from the store by who comes after its end, and asks the upstream no more', async () => {
    const fill = table.start(request())
    await fill.done
    assert.ok((await readAll(fill)).equals(BYTES))
    assert.ok((await readAll(table.start(request()))).equals(BYTES))
    assert.equal(simulator.requests.length, 1)
  })

  it('reads into the buffer that a reader brings', async () => {
    const buffer = Buffer.alloc(10_000)
    const copied: Uint8Array[] = []
    for await (const chunk of table.start(request()).read(undefined, buffer)) {
      assert.equal(chunk.buffer, buffer.buffer)
      copied.push(Uint8Array.from(chunk))
    }
    assert.ok(Buffer.concat(copied).equals(BYTES))
  })

  it('lets a slow reader have its time', async () => {
    const fill = startFill(request(), parts)
    const chunks = fill.read()[Symbol.asyncIterator]()
    const first = await chunks.next()
    await fill.done
    const rest: Uint8Array[] = first.done === true ? [] : [first.value]
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) rest.push(next.value)
    assert.ok(Buffer.concat(rest).equals(BYTES))
  })
})

describe('FillTable', () => {
  it('bounds the fills that run at once', async () => {
    const bounded = new FillTable(parts, { concurrency: 1, queue: 1 })
    const hold = Promise.withResolvers<void>()
    simulator.setFault(PATH, { kind: 'hold', until: hold.promise, afterBytes: 1000 })
    const first = bounded.start(request())
    const second = bounded.start(request({ sha256: sha256Of(SMALL), path: '/files/small-1.0.tar.gz' }))
    const third = bounded.start(request({ sha256: '0'.repeat(64) }))
    await assert.rejects(third.done, { code: 'limit-exceeded' })
    assert.equal(simulator.requestsFor('/files/small').length, 0)
    hold.resolve()
    await Promise.all([first.done, second.done])
    assert.equal(bounded.size, 0)
  })

  it('MIR: an upstream that hangs takes no places from another', async () => {
    const bounded = new FillTable(parts, { concurrency: 1 })
    simulator.setFault(PATH, { kind: 'hang' })
    const hanging = bounded.start({ ...request(), lane: 'slow' })
    const small = request({ sha256: sha256Of(SMALL), path: '/files/small-1.0.tar.gz' })
    assert.equal((await bounded.start({ ...small, lane: 'quick' }).done).size, SMALL.length)
    assert.equal(bounded.size, 1)
    await assert.rejects(hanging.done, { code: 'upstream-failed' })
  })

  it('hashes a file first that was listed without a sha256 (HASH-NONE)', async () => {
    const { open } = request()
    assert.deepEqual(await table.hashFirst({ filename: 'demo-1.0.tar.gz', open }), {
      sha256: SHA256,
      size: BYTES.length,
    })
    assert.deepEqual(await blobs.head(SHA256), { size: BYTES.length })
  })

  it('believes no MD5 that does not match, and none alone (HASH-MD5)', async () => {
    const { open } = request()
    const md5 = '0'.repeat(32)
    await assert.rejects(table.hashFirst({ filename: 'demo-1.0.tar.gz', md5, open }), { code: 'digest-mismatch' })
    await assertNothingKept()
  })
})
