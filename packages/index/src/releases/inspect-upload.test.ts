import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { createInspector } from './inspect-upload.ts'
import type { Inspector } from './inspect-upload.ts'
import { InspectionWorkers } from './inspection-workers.ts'
import { inspectArchive } from './inspect-archive.ts'
import type { Inspected } from './inspect-archive.ts'
import type { Refusal } from './refusal.ts'
import { sdistFixture, wheelFixture } from './upload-fixture.ts'
import type { Fixture } from './upload-fixture.ts'

async function inFolder(
  work: (inspect: (inspector: Inspector, file: Fixture) => Promise<Inspected | Refusal>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-inspect-'))
  let count = 0
  try {
    await work(async (inspector, { filename, bytes, fields }) => {
      const path = join(folder, String(count++))
      await writeFile(path, bytes)
      const kind = filename.endsWith('.whl') ? 'wheel' : 'sdist'
      return inspector({
        path,
        size: bytes.length,
        kind,
        filename,
        project: 'demo',
        version: fields.get('version')?.[0] ?? '1.0',
      })
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const inProcess = createInspector()
const inWorker = createInspector({ workerAbove: -1 })

test('a worker and this process find the same in a file', () =>
  inFolder(async (inspect) => {
    const damaged = wheelFixture({ record: () => '' })
    for (const file of [wheelFixture({ headers: ['Requires-Dist: six'] }), sdistFixture(), damaged]) {
      const [here, there] = [await inspect(inProcess, file), await inspect(inWorker, file)]
      assert.equal(here.kind, file === damaged ? 'refused' : 'inspected', JSON.stringify(here))
      assert.deepEqual(
        there.kind === 'inspected' ? there.metadata : there,
        here.kind === 'inspected' ? here.metadata : here,
      )
      if (here.kind === 'inspected' && there.kind === 'inspected') {
        assert.deepEqual(Buffer.from(there.metadataBytes), Buffer.from(here.metadataBytes))
      }
    }
  }))

test('more files than workers wait for their turn', () =>
  inFolder(async (inspect) => {
    const files = Array.from({ length: 5 }, (_, i) => wheelFixture({ code: `x = ${i}\n` }))
    const results = await Promise.all(
      files.map((file) => inspect(createInspector({ workerAbove: -1, workers: 1 }), file)),
    )
    const shared = createInspector({ workerAbove: -1, workers: 2 })
    results.push(...(await Promise.all(files.map((file) => inspect(shared, file)))))
    assert.deepEqual(
      results.map(({ kind }) => kind),
      Array(10).fill('inspected'),
    )
  }))

test('ZIP-BOMB, TAR-BOMB: a small file that holds a lot goes to a worker', () =>
  inFolder(async (inspect) => {
    const code = Buffer.alloc(3_000_000)
    // No worker is ever quick enough, so that an answer comes from this process.
    const noWorker = createInspector({ timeout: 1 })
    for (const file of [wheelFixture({ code }), sdistFixture({ code })]) {
      const small = file.filename.endsWith('.whl') ? wheelFixture() : sdistFixture()
      assert.equal((await inspect(noWorker, small)).kind, 'inspected')
      assert.equal((await inspect(inWorker, file)).kind, 'inspected')
      const result = await inspect(createInspector({ timeout: 1, workerAbove: file.bytes.length + 1 }), file)
      assert.match(result.kind === 'refused' ? result.message : '', /took longer than/)
    }
  }))

test('ZIP-BOMB, TAR-BOMB: after a file that took too long, the next one gets a new worker', () =>
  inFolder(async (inspect) => {
    const inspector = createInspector({ workerAbove: -1, workers: 1, timeout: 1 })
    const results = await Promise.all([wheelFixture(), wheelFixture()].map((file) => inspect(inspector, file)))
    for (const result of results) assert.match(result.kind === 'refused' ? result.message : '', /took longer than/)
  }))

test('a worker without work is ended, and another one started when there is work again', () =>
  inFolder(async (inspect) => {
    const pool = new InspectionWorkers({ workers: 1, timeout: 60_000, idle: 0 })
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await inspect((job) => pool.inspect(job), wheelFixture())).kind, 'inspected')
      while (pool.count > 0) await nextTurn()
    }
    const kept = new InspectionWorkers({ workers: 2, timeout: 60_000, idle: 60_000 })
    for (let round = 0; round < 2; round += 1) await inspect((job) => kept.inspect(job), wheelFixture())
    assert.equal(kept.count, 1)
  }))

test('a worker that cannot be started takes no place from the next file', () =>
  inFolder(async (inspect) => {
    let left = 3
    const startThread = (): Worker => {
      if (left-- > 0) throw Object.assign(new Error('no thread is left'), { code: 'EAGAIN' })
      return new Worker(new URL('./inspect-upload-worker.ts', import.meta.url))
    }
    const pool = new InspectionWorkers({ workers: 1, timeout: 60_000, idle: 0 }, startThread)
    const inspector: Inspector = (job) => pool.inspect(job)
    const fixture = wheelFixture()
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => inspect(inspector, fixture)))
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.kind : 'failed')).toSorted(),
      ['failed', 'failed', 'failed', 'inspected', 'inspected'],
    )
  }))

test('TAR-BOMB: a refused sdist leaves no descriptor open, whose space on the disk would be lost', () =>
  inFolder(async (inspect) => {
    const good = sdistFixture()
    // Far more than one chunk of the file follows the header that is refused.
    const bad = { ...good, bytes: gzipSync(Buffer.concat([Buffer.alloc(512, 1), randomBytes(2 * 1024 * 1024)])) }
    const open = (): number => readdirSync('/proc/self/fd').length
    assert.equal((await inspect(inProcess, good)).kind, 'inspected')
    const before = open()
    const pool = new InspectionWorkers({ workers: 1, timeout: 60_000, idle: 60_000 })
    assert.equal((await inspect((job) => pool.inspect(job), good)).kind, 'inspected')
    const withWorker = open()
    for (let round = 0; round < 10; round += 1) {
      assert.equal((await inspect((job) => pool.inspect(job), bad)).kind, 'refused')
      assert.equal((await inspect((job) => inspectArchive(job), bad)).kind, 'refused')
    }
    assert.ok(open() <= Math.max(before, withWorker), `${open()} descriptors, ${before} before`)
  }))

test('what failed in a worker fails here, and the worker goes on', async () => {
  const inspector = createInspector({ workerAbove: -1, workers: 1 })
  const job = {
    path: join(tmpdir(), 'waxseal-not-there'),
    size: 1,
    kind: 'wheel',
    filename: 'demo-1.0-py3-none-any.whl',
  } as const
  for (let round = 0; round < 2; round += 1) {
    await assert.rejects(inspector({ ...job, project: 'demo', version: '1.0' }), /ENOENT/)
  }
})

test('ZIP-BOMB, TAR-BOMB: an inspection that takes too long is ended', () =>
  inFolder(async (inspect) => {
    const result = await inspect(
      createInspector({ workerAbove: -1, timeout: 1 }),
      wheelFixture({ code: Buffer.alloc(20_000_000) }),
    )
    assert.deepEqual(result, {
      kind: 'refused',
      code: 'upload-archive-invalid',
      message: 'Invalid distribution file. Looking into it took longer than 0.001 seconds.',
    })
  }))

test('REC-HASH, REC-MISS: a RECORD that does not fit has its own code', () =>
  inFolder(async (inspect) => {
    const damages: readonly ((record: string) => string)[] = [
      (record) => record.replace(/sha256=...../, 'sha256=AAAAA'),
      (record) => record.split('\n').slice(1).join('\n'),
      (record) => `${record}ghost.py,sha256=AAAA,1\n`,
    ]
    for (const record of damages) {
      const result = await inspect(inProcess, wheelFixture({ record }))
      assert.equal(result.kind === 'refused' && result.code, 'upload-record-mismatch', JSON.stringify(result))
      assert.match(
        result.kind === 'refused' ? result.message : '',
        /^Invalid distribution file\. The wheel's RECORD is refused: /,
      )
    }
  }))

test('a License-File that is not there is refused, from metadata 2.4 on', () =>
  inFolder(async (inspect) => {
    const headers = ['License-File: LICENSE.txt']
    assert.equal((await inspect(inProcess, wheelFixture({ headers }))).kind, 'inspected')
    assert.deepEqual(await inspect(inProcess, wheelFixture({ headers, coreMetadata: '2.4' })), {
      kind: 'refused',
      code: 'upload-license-file',
      message:
        'License-File LICENSE.txt does not exist in distribution file demo-1.0-py3-none-any.whl at demo-1.0.dist-info/licenses/LICENSE.txt',
    })
    const sdist = await inspect(inProcess, sdistFixture({ headers, coreMetadata: '2.4' }))
    assert.equal(sdist.kind === 'refused' && sdist.code, 'upload-license-file')
  }))

test('whatever a file holds, the answer is a value', () =>
  inFolder(async (inspect) => {
    const sources = [wheelFixture(), sdistFixture()]
    const damage = fc.record({
      source: fc.constantFrom(...sources),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      writes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 4,
      }),
      whole: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ source, cut, writes, whole }) => {
        const bytes = Buffer.from(source.bytes.subarray(0, whole ? undefined : Math.floor(cut * source.bytes.length)))
        for (const [place, value] of writes) if (bytes.length > 0) bytes[Math.floor(place * bytes.length)] = value
        const result = await inspect(inProcess, { ...source, bytes })
        assert.ok(result.kind === 'inspected' || result.message.length < 1000)
      }),
      { numRuns: 300 },
    )
  }))
