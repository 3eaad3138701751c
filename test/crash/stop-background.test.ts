import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { addressOf, until } from '../support/behind-upstream.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage, auditBlobs } from '../support/storage-audit.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { SimulatedFile, Simulator } from '../support/upstream-simulator.ts'

/** Every request asks the upstream again, and nobody gives up a silent one before the stop does. */
const PATIENT = 'refresh-seconds = 0\nfirst-byte-timeout-seconds = 60\n'
/** As many as are hashed at once. */
const FILES = 4
const PAGES = 8

interface Scene extends AsyncDisposable {
  readonly server: RunningServer
  readonly upstream: Simulator
  page(project: string): Promise<Reply>
  file(project: string, file: SimulatedFile): Promise<Reply>
  /** Another server on the same folder, with the same upstream. */
  restart(): Promise<RunningServer>
  /** SIGTERM, which the server has noticed when this resolves; `code` once it is gone. */
  stop(): Promise<{ readonly code: Promise<number | null> }>
  /** Until it is disposed of nobody else writes to the database: what wants to is still at it when the server ends. */
  lockDatabase(): Disposable
  /** What the database holds. */
  read(query: string): readonly unknown[]
}

async function startScene(): Promise<Scene> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-stop-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = parts.use(await startSimulator())
  const dataDir = join(folder, 'data')
  const database = join(dataDir, 'waxseal.db')
  const config = join(folder, 'waxseal.toml')
  await writeFile(config, `[upstream.sim]\nurl = ${JSON.stringify(upstream.simpleUrl)}\n${PATIENT}`)
  const start = () => startWaxseal({ dataDir, args: ['--config', config] })
  const server = parts.use(await start())
  const all = parts.move()
  return {
    server,
    upstream,
    page: (project) => ask(`${server.url}/simple/${project}/`),
    file: (project, file) => ask(`${server.url}${addressOf(project, file)}`),
    restart: async () => all.use(await start()),
    async stop() {
      const code = server.stop()
      await until(
        async () => server.log(),
        (log) => log.includes('Stopping (SIGTERM)'),
      )
      return { code }
    },
    lockDatabase() {
      const holder = new DatabaseSync(database)
      holder.exec('begin immediate')
      return holder
    },
    read(query) {
      using reader = new DatabaseSync(database, { readOnly: true })
      return reader
        .prepare(query)
        .all()
        .map((row) => ({ ...row }))
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function filesOf(project: string, unsaid: Pick<SimulatedFile, 'sha256' | 'size'> = {}): readonly SimulatedFile[] {
  return Array.from({ length: FILES }, (_, at) => ({
    ...unsaid,
    filename: `${project}-1.${at}-py3-none-any.whl`,
    bytes: randomBytes(200_000),
  }))
}

/** A client that goes away before it has its answer, as soon as `when` has come. */
async function askAndLeave(url: string, when: Promise<void>): Promise<void> {
  const gone = Promise.withResolvers<void>()
  const asked = get(url, { agent: false })
  asked.on('error', () => undefined).on('close', () => gone.resolve())
  await when
  asked.destroy()
  await gone.promise
}

async function assertServes(server: RunningServer, project: string, files: readonly SimulatedFile[]): Promise<void> {
  const page = await ask(`${server.url}/simple/${project}/`)
  for (const file of files) {
    assert.ok(page.body.includes(file.filename), `${file.filename} is not listed`)
    assert.ok((await ask(`${server.url}${addressOf(project, file)}`)).body.equals(file.bytes))
  }
}

void test('files whose last bytes come after SIGTERM reach their clients, and are kept', async () => {
  await using scene = await startScene()
  const { server, upstream } = scene
  const files = filesOf('demo', { size: false })
  upstream.addProject({ name: 'demo', files })
  await scene.page('demo')
  const rest = Promise.withResolvers<void>()
  upstream.setFault('/files/demo/', { kind: 'hold', until: rest.promise, afterBytes: 1000 })
  const replies = files.map((file) => scene.file('demo', file))
  await upstream.waitForRequests('/files/demo/', FILES)
  const lock = scene.lockDatabase()

  const { code } = await scene.stop()
  rest.resolve()
  const bodies = (await Promise.all(replies)).map(({ complete, body }) => complete && body)
  assert.deepEqual(
    bodies,
    files.map(({ bytes }) => bytes),
  )
  lock[Symbol.dispose]()
  assert.equal(await code, 0)
  assertNoServerFault(server)
  await assertSoundStorage(server.dataDir)
  assert.deepEqual(scene.read('select count(*) as kept from file where stored = 1'), [{ kept: FILES }])

  await assertServes(await scene.restart(), 'demo', files)
  assert.equal(upstream.requestsFor('/files/demo/').length, FILES, 'none is fetched once more')
})

void test('files that were being hashed at SIGTERM are offered after the restart, and fetched no second time', async () => {
  await using scene = await startScene()
  const { server, upstream } = scene
  const files = filesOf('bare', { sha256: false })
  const [other] = filesOf('other')
  assert.ok(other)
  upstream.addProject({ name: 'bare', files })
  upstream.addProject({ name: 'other', files: [other] })
  await scene.page('other')
  const [bytes, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  upstream.setFault('/files/bare/', { kind: 'hold', until: bytes.promise })
  upstream.setFault('/files/other/', { kind: 'hold', until: rest.promise, afterBytes: 1000 })
  await askAndLeave(`${server.url}/simple/bare/`, upstream.waitForRequests('/files/bare/', FILES))
  const download = scene.file('other', other)
  await upstream.waitForRequests('/files/other/', 1)
  const kept = await auditBlobs(server.dataDir)
  const lock = scene.lockDatabase()

  const { code } = await scene.stop()
  bytes.resolve()
  await until(
    () => auditBlobs(server.dataDir),
    (blobs) => blobs.size === kept.size + FILES,
  )
  rest.resolve()
  assert.equal((await download).complete, true)
  lock[Symbol.dispose]()
  assert.equal(await code, 0)
  assertNoServerFault(server)

  await assertServes(await scene.restart(), 'bare', files)
  assert.equal(upstream.requestsFor('/files/bare/').length, FILES, 'none is fetched once more')
})

void test('pages that are being refreshed behind a stale answer at SIGTERM are taken over', async () => {
  await using scene = await startScene()
  const { server, upstream } = scene
  const names = Array.from({ length: PAGES }, (_, at) => `demo-${at}`)
  const list = (version: string): void => {
    for (const name of names) {
      const filename = `${name.replace('-', '_')}-${version}-py3-none-any.whl`
      upstream.addProject({ name, files: [{ filename, bytes: Buffer.from(filename) }] })
    }
  }
  list('1.0')
  for (const name of names) await scene.page(name)
  list('2.0')
  const held = Promise.withResolvers<void>()
  upstream.setFault('/simple/', { kind: 'hold', until: held.promise })
  for (const { body } of await Promise.all(names.map((name) => scene.page(name))))
    assert.match(body.toString(), /-1\.0-/)
  const lock = scene.lockDatabase()
  held.resolve()
  await until(
    () => ask(`${server.url}/metrics`),
    ({ body }) => body.includes(`waxseal_upstream_requests_total{upstream="sim",outcome="ok"} ${2 * PAGES}\n`),
  )

  const { code } = await scene.stop()
  lock[Symbol.dispose]()
  assert.equal(await code, 0)
  assertNoServerFault(server)
  const query = 'select distinct version from file where withdrawn_at is null'
  assert.deepEqual(scene.read(query), [{ version: '2.0' }])
  assert.deepEqual(scene.read('select * from journal where snapshot is null'), [], 'all of it is published')
})

void test('a stop waits for no upstream whose files nobody waits for any more', async () => {
  await using scene = await startScene()
  const { server, upstream } = scene
  const files = filesOf('demo')
  upstream.addProject({ name: 'demo', files })
  upstream.addProject({ name: 'bare', files: filesOf('bare', { sha256: false }) })
  await scene.page('demo')
  upstream.setFault('/files/', { kind: 'stall', afterBytes: 1000 })
  const asked = upstream.waitForRequests('/files/demo/', FILES)
  await Promise.all(files.map((file) => askAndLeave(`${server.url}${addressOf('demo', file)}`, asked)))
  await askAndLeave(`${server.url}/simple/bare/`, upstream.waitForRequests('/files/bare/', FILES))

  const began = performance.now()
  const { code } = await scene.stop()
  assert.equal(await code, 0)
  assert.ok(performance.now() - began < 15_000)
  assertNoServerFault(server)
  assert.doesNotMatch(server.log(), /upstream-down/, 'that we leave is no fault of the upstream')
  await assertSoundStorage(server.dataDir)
})
