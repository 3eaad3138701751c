import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import type { Simulator } from '../../../../test/support/upstream-simulator.ts'
import { SENTINEL_FINDINGS, SENTINEL_SHRUNK_MS, SENTINEL_SILENT_MS } from '../limits.ts'
import { OPERATOR } from '../access/actor.ts'
import { Namespaces } from '../names/namespaces.ts'
import { recordClaim } from '../names/claim.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { upstreamDefaults } from '../upstream/config.ts'
import { openUpstream } from '../upstream/upstream.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { readLists, readSentinelFindings, sentinelAttention } from './read-sentinel.ts'
import { runSentinel } from './run-sentinel.ts'
import type { SentinelParts, SentinelRun } from './run-sentinel.ts'

const HOUR_MS = 3_600_000
/** What nobody here has to do with. */
const OTHERS = ['numpy', 'requests', 'six', 'acmecorp']

suite('the sentinel', () => {
  let parts: AsyncDisposableStack
  let store: Store
  let upstream: Upstream
  let simulator: Simulator
  let now: number
  let seen: number
  const clock = { now: () => now }

  beforeEach(async () => {
    parts = new AsyncDisposableStack()
    now = Date.parse('2026-11-26T10:00:00Z')
    seen = 0
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-sentinel-'))
    parts.defer(() => rm(folder, { recursive: true }))
    store = parts.use(await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') }))
    simulator = parts.use(await startSimulator())
    simulator.listNames(OTHERS)
    upstream = parts.use(openUpstream(upstreamDefaults('sim', simulator.simpleUrl, { circuitFailures: 1000 })))
    await claim('corp-billing')
  })
  afterEach(() => parts.disposeAsync())

  const claim = (project: string) =>
    store.transaction((tx) => {
      const by = { at: new Date(now).toISOString(), actor: OPERATOR, by: 'administrator', evidence: [] } as const
      return recordClaim(tx, { project, displayName: project, ...by })
    })
  const sentinel = (prefixes: readonly string[] = ['acme'], others: Partial<SentinelParts> = {}): SentinelParts => ({
    store,
    clock,
    names: { namespaces: Namespaces.configured(prefixes), upstreams: ['sim'] },
    upstreams: [upstream],
    watched: ['sim'],
    ...others,
  })
  const run = (of: SentinelParts = sentinel(), how: SentinelRun = {}) => runSentinel(of, how)
  /** The events since the last question: kind, project and detail. */
  const told = async () => {
    const rows = await store.db.selectFrom('event').selectAll().where('id', '>', seen).orderBy('id').execute()
    seen = rows.at(-1)?.id ?? seen
    const others = rows.filter(({ kind }) => kind !== 'authority-decided')
    return others.map(({ kind, project, detail }) => [kind, project, JSON.parse(detail) as unknown])
  }
  const list = async () => (await readLists(store))[0] ?? assert.fail('never asked for')

  test('DC-17: tells of an internal name upstream, a name under a prefix and a look-alike: each once, and when it ends', async () => {
    simulator.listNames([...OTHERS, 'Corp.Billing', 'acme-tools', 'c0rpbi11ing'])
    await run()
    const collision = { upstream: 'sim', name: 'corp-billing', own: 'corp-billing' }
    const under = { upstream: 'sim', name: 'acme-tools', own: 'acme' }
    const alike = { upstream: 'sim', name: 'c0rpbi11ing', own: 'corp-billing' }
    assert.deepEqual(await told(), [
      ['upstream-collision', 'corp-billing', collision],
      ['upstream-under-namespace', 'acme-tools', under],
      ['upstream-look-alike', 'corp-billing', alike],
    ])
    assert.deepEqual(
      (await readSentinelFindings(store)).map(({ name }) => name),
      ['acme-tools', 'c0rpbi11ing', 'corp-billing'],
    )
    simulator.listNames([...OTHERS, 'corp-billing', 'acme-tools', 'c0rpbi11ing', 'one-more'])
    await run()
    assert.deepEqual(await told(), [])
    simulator.listNames([...OTHERS, 'one-more'])
    await run()
    assert.deepEqual(await told(), [
      ['upstream-under-namespace-gone', 'acme-tools', { ...under, why: 'unlisted' }],
      ['upstream-look-alike-gone', 'corp-billing', { ...alike, why: 'unlisted' }],
      ['upstream-collision-gone', 'corp-billing', { ...collision, why: 'unlisted' }],
    ])
    assert.deepEqual(await readSentinelFindings(store), [])
  })

  test('DC-19: asks for the list and for no name', async () => {
    simulator.listNames(['corp-billing', 'acme-secret'])
    await run()
    await run()
    assert.deepEqual(new Set(simulator.requests.map(({ path }) => path)), new Set(['/simple/']))
    assert.equal(simulator.requests.length, 2)
  })

  test('a list that did not change is asked for conditionally; where own names changed it is read again', async () => {
    simulator.listNames([...OTHERS, 'later-ours'])
    const [first] = await run()
    const [second] = await run()
    assert.deepEqual([first?.kind, second?.kind], ['read', 'unchanged'])
    await claim('later-ours')
    await run()
    assert.deepEqual(
      (await told()).map(([kind, project]) => [kind, project]),
      [['upstream-collision', 'later-ours']],
    )
  })

  test('a name that becomes internal is another finding, and one whose prefix is given up is none', async () => {
    simulator.listNames([...OTHERS, 'acme-a', 'acme-b'])
    await run()
    await told()
    await claim('acme-a')
    await run()
    const a = { upstream: 'sim', name: 'acme-a' }
    assert.deepEqual(await told(), [
      ['upstream-under-namespace-gone', 'acme-a', { ...a, own: 'acme', why: 'changed' }],
      ['upstream-collision', 'acme-a', { ...a, own: 'acme-a' }],
    ])
    await run(sentinel([]))
    const b = { upstream: 'sim', name: 'acme-b', own: 'acme', why: 'changed' }
    assert.deepEqual(await told(), [['upstream-under-namespace-gone', 'acme-b', b]])
  })

  test('a list that cannot be read is told of after a while, once; what was found before lasts; and that it is read again', async () => {
    simulator.listNames([...OTHERS, 'corp-billing'])
    await run()
    await told()
    const since = new Date(now).toISOString()
    simulator.setFault('/simple/', { kind: 'status', status: 500 })
    await run()
    now += SENTINEL_SILENT_MS - 1
    await run()
    assert.deepEqual(await told(), [])
    assert.deepEqual(sentinelAttention(await readLists(store)), [])
    now += 1
    const [look] = await run()
    assert.ok(look?.kind === 'failed')
    await run()
    const detail = { upstream: 'sim', since, reason: look.reason }
    assert.deepEqual(await told(), [['upstream-list-failing', null, detail]])
    assert.equal(sentinelAttention(await readLists(store)).length, 1)
    assert.equal((await readSentinelFindings(store)).length, 1)
    simulator.clearFaults()
    await run()
    assert.deepEqual(await told(), [['upstream-list-recovered', null, { upstream: 'sim', since }]])
    assert.deepEqual(sentinelAttention(await readLists(store)), [])
  })

  test('a list that suddenly lacks nearly everything is not believed, until that has lasted', async () => {
    simulator.listNames([...OTHERS, 'corp-billing'])
    await run()
    await told()
    simulator.listNames(['acme-new'])
    const [look] = await run()
    assert.equal(look?.kind, 'failed')
    assert.deepEqual(
      (await told()).map(([kind]) => kind),
      ['upstream-under-namespace'],
      'what is new is told all the same',
    )
    assert.equal((await readSentinelFindings(store)).length, 2)
    assert.deepEqual([(await list()).names, (await list()).failingSince], [5, new Date(now).toISOString()])
    now += SENTINEL_SHRUNK_MS
    await run()
    const kinds = (await told()).map(([kind]) => kind)
    assert.deepEqual(kinds, ['upstream-collision-gone'])
    assert.deepEqual([(await list()).names, (await list()).failingSince], [1, null])
  })

  test('strangers that register names by the thousand fill no table, and hide no collision', async () => {
    const many = Array.from({ length: SENTINEL_FINDINGS + 5 }, (_, at) => `acme-${at}`)
    simulator.listNames([...many, 'corp-billing'])
    await run()
    assert.equal((await readSentinelFindings(store)).length, SENTINEL_FINDINGS + 1)
    assert.equal((await list()).beyond, 5)
    assert.equal((await list()).findings['upstream-collision'], 1)
    await told()
    await run(sentinel(['acme', 'other']))
    assert.deepEqual(await told(), [], 'the same ones are kept')
  })

  test('an upstream that is not watched any more has its findings ended', async () => {
    simulator.listNames(['corp-billing', ...OTHERS])
    await run()
    await told()
    const off = sentinel(['acme'], { upstreams: [], watched: [] })
    await run(off, { dueMs: HOUR_MS })
    const detail = { upstream: 'sim', name: 'corp-billing', own: 'corp-billing', why: 'not-asked' }
    assert.deepEqual(await told(), [['upstream-collision-gone', 'corp-billing', detail]])
    assert.deepEqual(await readLists(store), [])
  })

  test('looks when it is due, a little spread, and by one process at a time', async () => {
    const due = () => run(sentinel(), { dueMs: 6 * HOUR_MS })
    const { promise: until, resolve: release } = Promise.withResolvers<undefined>()
    simulator.setFault('/simple/', { kind: 'hold', until })
    const first = due()
    await simulator.waitForRequests('/simple/', 1)
    await assert.rejects(run(), { code: 'conflict', message: /sentinel/ })
    release(undefined)
    assert.equal((await first).length, 1)
    now += 5.39 * HOUR_MS
    assert.equal((await due()).length, 0)
    now += 1.22 * HOUR_MS
    assert.equal((await due()).length, 1)
  })

  test('that is stopped writes nothing of what it had begun', async () => {
    const stop = new AbortController()
    simulator.setFault('/simple/', { kind: 'hang' })
    const running = run(sentinel(), { stopped: stop.signal })
    await simulator.waitForRequests('/simple/', 1)
    stop.abort()
    await assert.rejects(running, { name: 'AbortError' })
    assert.deepEqual(await readLists(store), [])
  })

  test(
    'reads a list as long as the one of PyPI in pieces, between which others are served',
    { timeout: 120_000 },
    async (t) => {
      for (let at = 0; at < 100; at += 1) await claim(`corp-part-${at}`)
      const projects = Array.from({ length: 700_000 }, (_, at) => ({ '_last-serial': at, name: `Some-project_${at}` }))
      const body = gzipSync(JSON.stringify({ meta: { 'api-version': '1.4' }, projects }))
      const type = 'application/vnd.pypi.simple.v1+json'
      simulator.addAnswer('/long/', { headers: { 'content-type': type, 'content-encoding': 'gzip' }, body })
      const long = parts.use(openUpstream(upstreamDefaults('sim', `${simulator.url}/long/`)))
      const prefixes = Array.from({ length: 1000 }, (_, at) => `prefix-${at}`)
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const before = process.cpuUsage()
      let last = 0
      let most = 0
      const onNames = (_upstream: string, names: number): void => {
        most = Math.max(most, names - last)
        last = names
      }
      const [look] = await run(sentinel(prefixes, { upstreams: [long] }), { onNames })
      delay.disable()
      const { user, system } = process.cpuUsage(before)
      const told = `p99 ${delay.percentile(99) / 1e6} ms, longest ${delay.max / 1e6} ms, CPU ${(user + system) / 1e3} ms`
      t.diagnostic(`${told}, at most ${most} names at a time`)
      assert.deepEqual(look, { upstream: 'sim', kind: 'read', names: 700_000, told: 0, gone: 0 })
      assert.ok(most < 2000, `${most} names at a time`)
    },
  )
})
