import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OPERATOR } from '../../packages/index/src/access/actor.ts'
import { createToken } from '../../packages/index/src/access/tokens.ts'
import { createUser } from '../../packages/index/src/access/users.ts'
import { PUBLISH_STUCK_MS } from '../../packages/index/src/limits.ts'
import type { ReadyReport } from '../../packages/index/src/telemetry/readiness.ts'
import { readWaiting } from '../../packages/index/src/telemetry/store-facts.ts'
import { uploaders } from '../clients/uploading.ts'
import { Ledger } from '../crash/ledger.ts'
import { addressOf, startBehind, until } from '../support/behind-upstream.ts'
import type { Behind } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { diskTests, mountSmallDisk } from '../support/small-disk.ts'
import type { SmallDisk } from '../support/small-disk.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'
import { uploadFile } from '../support/upload-form.ts'
import { multipart } from '../support/upload-stream.ts'
import { HOUR, PASSWORD, startClocked } from './clocked-index.ts'

// Each publish of a signed index keeps its snapshot for a day: the steps of a night are 20 MB of these.
const DISK = 64 * 1024 ** 2
const PAGE = 4096
/** What all writes of an upload need together is less. */
const SWEEP_TO = 640 * 1024
const STEP = process.env['WAXSEAL_NIGHTLY'] ? PAGE : 6 * PAGE
/** Longer than anything here may take that is not stuck. */
const HANG_MS = 20_000

/** The codes that a full disk may be told by; `internal-unavailable` is SQLite's shared memory that cannot grow. */
const FULL = new Set(['storage-full', 'storage-unavailable', 'internal-unavailable'])

const codeOf = (reply: Reply): string => {
  const { code, reason } = JSON.parse(reply.body.toString()) as { code: string; reason?: string }
  return reason ?? code
}

/** Done, or refused as the full disk's fault, and never anything else: `outcome` counts both. */
function tell(what: string, reply: Reply, outcomes: Map<string, Set<string>>): boolean {
  const seen = outcomes.get(what) ?? new Set()
  outcomes.set(what, seen)
  // Headers were out when the disk got full: the client sees that it is not whole.
  if (reply.status === 200 && !reply.complete) {
    seen.add('cut off')
    return false
  }
  if (reply.status === 200 || reply.status === 201) {
    seen.add('done')
    return true
  }
  assert.equal(reply.status, 503, `${what}: ${reply.status} ${reply.reason}`)
  assert.ok(FULL.has(codeOf(reply)), `${what}: ${reply.body.toString()}`)
  seen.add(codeOf(reply))
  return false
}

async function within(reply: Promise<Reply>): Promise<Reply> {
  const late = AbortSignal.timeout(HANG_MS)
  const { promise, reject } = Promise.withResolvers<never>()
  late.addEventListener('abort', () => reject(new Error('no answer')))
  return Promise.race([reply, promise])
}

interface Scene extends AsyncDisposable {
  readonly disk: SmallDisk
  readonly behind: Behind
  readonly kept: { readonly internal: Distribution; readonly upstream: { filename: string; bytes: Buffer } }
  readonly asAdmin: (path: string, options?: { method?: string; body?: unknown }) => Promise<Reply>
  upload(file: Distribution): Promise<Reply>
  assertServes(): Promise<void>
}

/** A server on a small disk with an internal and an upstream project that are kept whole. */
async function startScene(inodes?: number): Promise<Scene> {
  await using parts = new AsyncDisposableStack()
  const disk = parts.use(await mountSmallDisk(DISK, inodes))
  const behind = parts.use(await startBehind(undefined, join(disk.path, 'data')))
  const { url, token } = behind.server
  const authorization = `Bearer ${token}`
  const kept = {
    internal: buildWheel({ name: 'inside', version: '1.0' }),
    upstream: { filename: 'outside-1.0-py3-none-any.whl', bytes: randomBytes(100_000) },
  }
  const all = parts.move()
  const scene: Scene = {
    disk,
    behind,
    kept,
    asAdmin: (path, { method = 'GET', body } = {}) =>
      within(
        ask(`${url}${path}`, {
          method,
          headers: { authorization, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    upload(file) {
      const { body, contentType } = multipart(file)
      const headers = { authorization, 'content-type': contentType, accept: 'application/json' }
      return within(ask(`${url}/legacy/`, { method: 'POST', headers, body }))
    },
    async assertServes() {
      const health = await within(behind.ask('/-/health'))
      assert.equal(health.status, 200)
      for (const project of ['inside', 'outside']) {
        const page = await within(behind.ask(`/simple/${project}/`))
        assert.equal(page.status, 200, `${project}: ${page.reason}`)
      }
      const inside = await within(behind.file('inside', kept.internal))
      assert.ok(inside.body.equals(kept.internal.bytes))
      const outside = await within(behind.file('outside', kept.upstream))
      assert.ok(outside.body.equals(kept.upstream.bytes))
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
  assert.equal((await scene.upload(kept.internal)).status, 200)
  behind.upstream.addProject({ name: 'outside', files: [kept.upstream] })
  await behind.page('outside')
  await behind.file('outside', kept.upstream)
  await scene.assertServes()
  return scene
}

diskTests(import.meta.url, () => {
  void test('a disk that fills up at each write: done or refused, nothing lost, and it heals', async (t) => {
    await using scene = await startScene()
    const { disk, behind, asAdmin } = scene
    const { server, upstream } = behind
    const ledger = new Ledger()
    ledger.acknowledged(scene.kept.internal)
    const outcomes = new Map<string, Set<string>>()
    const tokens: string[] = []
    for (let free = 0; free <= SWEEP_TO; free += STEP) {
      const file = buildWheel({ name: `up-${free}`, version: '1.0', module: randomBytes(8000).toString('hex') })
      await disk.leave(free)
      if (tell('upload', await scene.upload(file), outcomes)) ledger.acknowledged(file)
      await scene.assertServes()

      const cold = { filename: `cold${free}-1.0-py3-none-any.whl`, bytes: randomBytes(16_000) }
      upstream.addProject({ name: `cold${free}`, files: [cold] })
      await disk.leave(free)
      tell('cold page', await within(behind.page(`cold${free}`)), outcomes)
      await disk.free()
      await behind.page(`cold${free}`)
      await disk.leave(free)
      const fetched = await within(behind.file(`cold${free}`, cold))
      if (tell('cold file', fetched, outcomes)) assert.ok(fetched.body.equals(cold.bytes))

      await disk.leave(free)
      const yank = { method: 'PUT', body: { reason: `at ${free}` } }
      const yanked = await asAdmin('/api/v1/projects/inside/releases/1.0/yank', yank)
      if (tell('yank', yanked, outcomes)) ledger.acknowledgedYank(scene.kept.internal, `at ${free}`)

      await disk.leave(free)
      const made = await asAdmin('/api/v1/tokens', { method: 'POST', body: { scope: 'read' } })
      if (tell('token', made, outcomes)) tokens.push((JSON.parse(made.body.toString()) as { token: string }).token)
      await scene.assertServes()
    }
    t.diagnostic([...outcomes].map(([what, seen]) => `${what}: ${[...seen].toSorted().join(', ')}`).join('; '))
    for (const what of ['upload', 'cold page', 'cold file']) {
      assert.ok(outcomes.get(what)?.has('storage-full'), `${what} was never refused`)
      assert.ok(outcomes.get(what)?.has('done'), `${what} was never done`)
    }

    await disk.free()
    const late = buildWheel({ name: 'afterwards', version: '1.0' })
    assert.equal((await scene.upload(late)).status, 200, 'no restart is needed')
    ledger.acknowledged(late)
    // A yank that was refused may have been published since; one that was acknowledged is the last that counts.
    const list = { method: 'PUT', body: { reason: 'for good' } }
    assert.equal((await asAdmin('/api/v1/projects/inside/releases/1.0/yank', list)).status, 200)
    ledger.acknowledgedYank(scene.kept.internal, 'for good')
    // Taking over what upstreams list is left alone for up to ten seconds after it failed: clients are told when to ask again.
    upstream.addProject({
      name: 'healed',
      files: [{ filename: 'healed-1.0-py3-none-any.whl', bytes: randomBytes(100) }],
    })
    const healed = await until(
      () => behind.page('healed'),
      ({ status }) => status === 200,
    )
    assert.equal(healed.status, 200)
    await ledger.verify(server.url, server.dataDir)
    for (const token of tokens) {
      const who = await ask(`${server.url}/api/v1/tokens`, { headers: { authorization: `Bearer ${token}` } })
      assert.equal(who.status, 200, 'a token that was given out is good')
    }
    await assertSoundStorage(server.dataDir)
    assert.doesNotMatch(server.log(), /internal-error|unhandled/i)
  })

  void test('a disk without inodes refuses and heals in the same way', async () => {
    await using scene = await startScene(400)
    const { disk, behind } = scene
    const outcomes = new Map<string, Set<string>>()
    for (const left of [0, 1, 2, 3, 5]) {
      await disk.free()
      await disk.leaveInodes(left)
      tell('upload', await scene.upload(buildWheel({ name: `inode-${left}`, version: '1.0' })), outcomes)
      behind.upstream.addProject({ name: `inode-cold-${left}`, files: [] })
      tell('cold page', await within(behind.page(`inode-cold-${left}`)), outcomes)
      await scene.assertServes()
    }
    assert.ok(outcomes.get('upload')?.has('storage-full'))
    await disk.free()
    assert.equal((await scene.upload(buildWheel({ name: 'inodes-again', version: '1.0' }))).status, 200)
    await assertSoundStorage(behind.server.dataDir)
  })

  void test('what a full disk failed a moment ago is tried again for whoever has nothing else to get', async () => {
    await using parts = new AsyncDisposableStack()
    const disk = parts.use(await mountSmallDisk(DISK))
    // Its clock stands still, and so does each pause after a failure.
    const clocked = parts.use(await startClocked(join(disk.path, 'data')))
    const { upstream } = clocked
    const wheel = (name: string, version: string) => ({
      filename: `${name}-${version}-py3-none-any.whl`,
      bytes: randomBytes(1000),
    })
    const [shown, newer, seen] = [wheel('shown', '1.0'), wheel('shown', '2.0'), wheel('seen', '1.0')]
    upstream.addProject({ name: 'shown', files: [shown] })
    upstream.addProject({ name: 'seen', files: [seen] })
    for (const project of ['shown', 'seen']) assert.deepEqual(await clocked.versions(project), ['1.0'])
    assert.equal((await clocked.ask(addressOf('shown', shown))).status, 200, 'its upstream is decided')
    const downloads = [
      { what: 'a first download', file: seen, address: addressOf('seen', seen) },
      { what: 'a file newer than the page', file: newer, address: addressOf('shown', newer) },
    ]
    const { store, clock } = clocked.index
    await createUser(store, clock, { name: 'uploader', admin: false, password: PASSWORD, by: OPERATOR })
    const { token } = await createToken(store, clock, { user: 'uploader', scope: 'upload', by: OPERATOR })
    const upload = () => uploadFile({ url: clocked.url, token }, buildWheel({ name: 'seen', version: '2.0' }))

    upstream.addProject({ name: 'shown', files: [shown, newer] })
    clocked.now += HOUR
    await disk.leave(0)
    assert.deepEqual(await clocked.versions('shown'), ['1.0'], 'the page from before stands in')
    for (const { what, address } of downloads) {
      const refused = await within(clocked.ask(address))
      assert.deepEqual([refused.status, codeOf(refused)], [503, 'storage-full'], what)
    }

    await disk.free()
    const told = await upload()
    assert.deepEqual([told.status, /sim/.test(told.reason)], [403, true], `as its upstream has it: ${told.reason}`)
    for (const { what, file, address } of downloads) {
      const given = await within(clocked.ask(address))
      assert.equal(given.status, 200, `${what}: ${given.reason}`)
      assert.ok(given.body.equals(file.bytes), what)
    }
  })

  void test('a large file from upstream that does not fit is cut off or refused, and leaves nothing behind', async () => {
    await using scene = await startScene()
    const { disk, behind } = scene
    const file = { filename: 'large-1.0-py3-none-any.whl', bytes: randomBytes(2 * 1024 ** 2) }
    behind.upstream.addProject({ name: 'large', files: [file] })
    await behind.page('large')
    await disk.leave(1024 ** 2)
    const reply = await within(behind.file('large', file))
    assert.ok(reply.status === 503 || (reply.status === 200 && !reply.complete), `${reply.status}`)
    await assertSoundStorage(behind.server.dataDir)
    await scene.assertServes()
    await disk.free()
    const again = await within(behind.file('large', file))
    assert.ok(again.body.equals(file.bytes))
  })

  void test('a server starts again on a full disk after a crash, and read-only after a clean stop', async () => {
    await using parts = new AsyncDisposableStack()
    const disk = parts.use(await mountSmallDisk(DISK))
    const dataDir = join(disk.path, 'data')
    const args = ['--no-upstream']
    const file = buildWheel({ name: 'inside', version: '1.0' })
    const first = await startWaxseal({ dataDir, args })
    const { body, contentType } = multipart(file)
    const headers = { authorization: `Bearer ${first.token}`, 'content-type': contentType }
    assert.equal((await ask(`${first.url}/legacy/`, { method: 'POST', headers, body })).status, 200)
    await disk.leave(0)
    await first.kill9()

    const second = await startWaxseal({ dataDir, args })
    assert.equal((await ask(`${second.url}/simple/inside/`)).status, 200)
    await disk.free()
    assert.equal(await second.stop(), 0)

    await disk.leave(0)
    await assert.rejects(runWaxseal(['serve', '--data', dataDir, '--listen', '127.0.0.1:0', ...args]), (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /exited with 3:\nwaxseal: The database .* cannot be opened .*free space/)
      assert.doesNotMatch(error.message, /\n\s+at /)
      return true
    })
    await using third = await startWaxseal({ dataDir, args: [...args, '--read-only'] })
    assert.equal((await ask(`${third.url}/simple/inside/`)).status, 200)
  })

  void test('a change that a full disk lets nobody publish takes a server that reads out of no load balancer', async () => {
    await using parts = new AsyncDisposableStack()
    const disk = parts.use(await mountSmallDisk(DISK))
    const clocked = parts.use(await startClocked(join(disk.path, 'data')))
    assert.equal((await uploadFile(clocked, buildWheel({ name: 'inside', version: '1.0' }))).status, 200)
    const waiting = async () => (await readWaiting(clocked.index.store, clocked.index.clock)).changes
    const headers = { authorization: `Bearer ${clocked.token}`, 'content-type': 'application/json' }
    let asked = 0
    const leaveStuck = async () => {
      await disk.free()
      await until(waiting, (changes) => changes === 0)
      // Somewhere there is room for the change and none for the page.
      for (let free = 0; free <= SWEEP_TO && (await waiting()) === 0; free += PAGE) {
        await disk.leave(free)
        const body = JSON.stringify({ reason: `reason ${(asked += 1)}` })
        await within(ask(`${clocked.url}/api/v1/projects/inside/releases/1.0/yank`, { method: 'PUT', headers, body }))
      }
      await disk.leave(0)
      return await waiting()
    }
    // The server publishes by itself every second, and may find room for the page before there is none at all.
    let stuckChanges = 0
    for (let attempt = 0; attempt < 5 && stuckChanges === 0; attempt += 1) stuckChanges = await leaveStuck()
    assert.equal(stuckChanges, 1)
    clocked.now += PUBLISH_STUCK_MS + 1
    const ready = async () => {
      const { status, body } = await clocked.ask('/-/ready')
      return { status, report: JSON.parse(body.toString()) as ReadyReport }
    }
    const stuck = await until(ready, ({ report }) => report.checks.publisher.state !== 'ok')
    assert.deepEqual(
      [stuck.status, stuck.report.status, stuck.report.checks.publisher.state],
      [200, 'degraded', 'degraded'],
    )
    assert.match(stuck.report.checks.publisher.reason ?? '', /has been waiting for 60 s/)
    assert.deepEqual(await clocked.versions('inside'), ['1.0'])
    await disk.free()
    const healed = await until(ready, ({ report }) => report.checks.publisher.state === 'ok')
    assert.equal(healed.status, 200)
    assert.equal(await waiting(), 0)
  })

  void test('a log on a full disk loses lines, and the server goes on and stops as it should', async () => {
    await using parts = new AsyncDisposableStack()
    const disk = parts.use(await mountSmallDisk(DISK))
    const log = join(disk.path, 'log')
    const through = ['sh', '-c', `exec "$@" >>${log} 2>&1`, 'sh']
    const server = parts.use(await startWaxseal({ dataDir: join(disk.path, 'data'), args: ['--no-upstream'], through }))
    await disk.leave(0)
    const { body, contentType } = multipart(buildWheel({ name: 'lost', version: '1.0' }))
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType }
    for (let times = 0; times < 30; times++) {
      const reply = await ask(`${server.url}/legacy/`, { method: 'POST', headers, body })
      assert.equal(reply.status, 503)
    }
    assert.equal((await ask(`${server.url}/-/health`)).status, 200)
    await disk.free()
    await until(
      () => ask(`${server.url}/legacy/`, { method: 'POST', headers, body }),
      (reply) => reply.status === 200,
    )
    await disk.leave(0)
    assert.equal(await server.stop(), 0)
    assert.match(await readFile(log, 'utf8'), /Waxseal .* answers at/)
  })

  for (const wanted of wantedClients('twine')) {
    clientTest(wanted, 'says that the disk of the index is full, and succeeds once it is not', async (client) => {
      await using scene = await startScene()
      const folder = await mkdtemp(join(tmpdir(), 'waxseal-twine-'))
      try {
        const target = scene.behind.server
        const file = buildWheel({ name: 'from-twine', version: '1.0' })
        await scene.disk.leave(0)
        const refused = await uploaders.twine(client, folder, file, target)
        assert.notEqual(refused.code, 0)
        assert.match(refused.stdout + refused.stderr, /503[\s\S]*The disk of this index is full/)
        await scene.disk.free()
        const done = await uploaders.twine(client, folder, file, target)
        assert.equal(done.code, 0, done.stdout + done.stderr)
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  }
})
