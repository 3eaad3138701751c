import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { NODE_INTERVAL_MS, PUBLISH_STUCK_MS, RUNNING_NODE_MS } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { reportingStore } from './events.ts'
import { Metrics } from './metrics.ts'
import { NodeReport, readNodes } from './node-status.ts'
import { CHECKS, Readiness } from './readiness.ts'
import type { ReadinessParts, ReadyReport } from './readiness.ts'

const root = mkdtempSync(join(tmpdir(), 'waxseal-ready-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

interface Bench {
  readonly store: Store
  readonly folder: string
  readonly metrics: Metrics
  now: number
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = join(root, String(count++))
  mkdirSync(join(folder, 'blobs'), { recursive: true })
  await using store = await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') })
  await work({ store, folder, metrics: new Metrics(), now: Date.parse('2026-01-02T03:04:05Z') })
}

function readinessOf(bench: Bench, found: Partial<ReadinessParts> = {}): Readiness {
  const parts: ReadinessParts = {
    store: bench.store,
    clock: { now: () => bench.now },
    blobsDir: join(bench.folder, 'blobs'),
    dataDir: bench.folder,
    readOnly: false,
    modes: [],
    upstreams: () => [],
    signing: { problem: undefined, status: async () => undefined },
    writeFailure: () => undefined,
    ...found,
  }
  return new Readiness(parts, bench.metrics)
}

/** The checks that are not `ok`, by their state. */
const wrong = ({ checks }: ReadyReport): unknown =>
  Object.fromEntries(Object.entries(checks).flatMap(([name, { state }]) => (state === 'ok' ? [] : [[name, state]])))

suite('readiness', () => {
  const look = async (bench: Bench, found: Partial<ReadinessParts> = {}): Promise<unknown> => {
    const report = await readinessOf(bench, found).report()
    return [report.status, wrong(report)]
  }

  test('is ready when nothing is wrong, and not when it stops', () =>
    withBench(async (bench) => {
      const readiness = readinessOf(bench)
      assert.equal((await readiness.report()).status, 'ready')
      readiness.stopping()
      const stopping = await readiness.report()
      assert.deepEqual([stopping.status, wrong(stopping)], ['not-ready', { running: 'failed' }])
      const ready = (await bench.metrics.collect()).find(({ name }) => name === 'waxseal_ready')
      assert.equal(ready?.points.find(({ labels }) => labels[0] === 'running')?.value, 0)
      assert.equal(ready?.points.find(({ labels }) => labels[0] === 'database')?.value, 1)
    }))

  test('fails by name when the files cannot be read', () =>
    withBench(async (bench) => {
      renameSync(join(bench.folder, 'blobs'), join(bench.folder, 'away'))
      assert.deepEqual(await look(bench), ['not-ready', { files: 'failed' }])
    }))

  test('fails by name when the database is gone', () =>
    withBench(async (bench) => {
      const gone = await openStore({ kind: 'sqlite', path: join(bench.folder, 'gone.db') })
      await gone[Symbol.asyncDispose]()
      assert.deepEqual(await look(bench, { store: gone }), ['not-ready', { database: 'failed', publisher: 'failed' }])
    }))

  test('fails by name, and in time, when the database does not answer', { timeout: 20_000 }, async () =>
    withBench(async (bench) => {
      const taken: Socket[] = []
      const silent = createServer((socket) => void taken.push(socket)).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      const hanging = new Kysely<Database>({
        dialect: new PostgresDialect({ pool: new pg.Pool({ host: '127.0.0.1', port }) }),
      })
      const store = { ...reportingStore(bench.store, () => undefined), db: hanging }
      assert.deepEqual(await look(bench, { store }), ['not-ready', { database: 'failed', publisher: 'failed' }])
      silent.close()
      for (const socket of taken) socket.destroy()
    }),
  )

  test('is degraded while nothing can be written, since reading goes on', () =>
    withBench(async (bench) => {
      const writeFailure = () => 'The database takes no writes.'
      assert.deepEqual(await look(bench, { writeFailure }), ['degraded', { writing: 'degraded' }])
      const degraded = (await bench.metrics.collect()).find(({ name }) => name === 'waxseal_degraded')
      assert.deepEqual(
        degraded?.points.map(({ labels, value }) => [...labels, value]),
        CHECKS.map((name) => [name, name === 'writing' ? 1 : 0]),
      )
    }))

  test('is degraded when a change waits to be published for too long, but not where nothing is published', () =>
    withBench(async (bench) => {
      const at = new Date(bench.now).toISOString()
      await bench.store.transaction((tx) =>
        tx.insertInto('journal').values({ project: 'demo', action: 'upload', at, actor: null }).execute(),
      )
      assert.deepEqual(await look(bench), ['ready', {}])
      bench.now += PUBLISH_STUCK_MS + 1
      assert.deepEqual(await look(bench), ['degraded', { publisher: 'degraded' }])
      assert.deepEqual(await look(bench, { readOnly: true }), ['ready', {}])
    }))

  test('is degraded when an upstream is left alone, and names none', () =>
    withBench(async (bench) => {
      const upstreams = () => [{ name: 'sim', open: ['https://sim.example'], lastSuccess: null, lastError: null }]
      const report = await readinessOf(bench, { upstreams }).report()
      assert.deepEqual([report.status, wrong(report)], ['degraded', { upstreams: 'degraded' }])
      assert.doesNotMatch(JSON.stringify(report), /sim/, 'anybody may ask')
    }))
})

suite('the row of a server', () => {
  const report = ({ store, metrics }: Bench, now: () => number): NodeReport =>
    new NodeReport({
      store,
      clock: { now },
      metrics,
      version: '1',
      modes: ['offline'],
      readOnly: false,
      upstreams: () => [],
      certificate: () => undefined,
      signingProblem: () => undefined,
    })

  test('goes when it stops; of one that was killed it is shown as silent, until another server takes it away', () =>
    withBench(async (bench) => {
      const clock = { now: () => bench.now }
      const ids = async () => {
        const { running, silent } = await readNodes(bench.store, clock)
        return [running.map(({ id }) => id), silent.map(({ id }) => id)]
      }
      const frozen = bench.now
      const killed = report(bench, () => frozen)
      await written(bench.store, killed.id)
      assert.deepEqual(await ids(), [[killed.id], []])
      assert.deepEqual((await readNodes(bench.store, clock)).running[0]?.modes, ['offline'])
      bench.now += RUNNING_NODE_MS + NODE_INTERVAL_MS
      assert.deepEqual(await ids(), [[], [killed.id]])
      const other = report(bench, clock.now)
      await written(bench.store, other.id)
      assert.deepEqual(await ids(), [[other.id], []])
      await other[Symbol.asyncDispose]()
      await killed[Symbol.asyncDispose]()
      assert.deepEqual(await ids(), [[], []])
    }))

  async function written(store: Store, id: string): Promise<void> {
    for (;;) {
      const row = await store.db.selectFrom('node').select('id').where('id', '=', id).executeTakeFirst()
      if (row !== undefined) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
})
