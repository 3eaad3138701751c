import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it, test } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { uploaders } from '../clients/uploading.ts'
import { addressOf, until } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { diskTests, mountReadOnly } from '../support/small-disk.ts'
import { uploadFile } from '../support/upload-form.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

const READ_ONLY = ['--read-only']
/** A reader without root's right to write everywhere. */
const POWERLESS = userInfo().uid === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : undefined

const kept = { filename: 'outside-1.0-py3-none-any.whl', bytes: randomBytes(100_000) }
const unfetched = { filename: 'outside-2.0-py3-none-any.whl', bytes: randomBytes(1000) }
const first = buildWheel({ name: 'inside', version: '1.0' })

/** Everything in a folder with its size and times: what changes when anything is written. */
async function state(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${path} ${size} ${mtimeNs} ${ctimeNs}`
  })
  return (await Promise.all(lines)).toSorted()
}

/** A writer that keeps an internal and an upstream project, the second with a file that nobody fetched. */
async function startWriter(dataDir: string, upstream: Simulator, env = {}): Promise<RunningServer> {
  const writer = await startWaxseal({ dataDir, env, upstreams: new Map([['sim', upstream.simpleUrl]]) })
  upstream.addProject({ name: 'outside', files: [kept, unfetched] })
  assert.equal((await uploadFile(writer, first)).status, 200)
  assert.equal((await ask(`${writer.url}/simple/outside/`)).status, 200)
  assert.equal((await ask(`${writer.url}${addressOf('outside', kept)}`)).status, 200)
  return writer
}

async function versions(server: RunningServer, project: string): Promise<readonly string[]> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const reply = await ask(`${server.url}/simple/${project}/`, { headers })
  return reply.status === 200 ? (JSON.parse(reply.body.toString()) as { versions: string[] }).versions : []
}

async function assertServesKept(server: RunningServer): Promise<void> {
  assert.equal((await ask(`${server.url}/simple/`)).status, 200)
  assert.deepEqual(await versions(server, 'inside'), ['1.0'])
  assert.deepEqual(await versions(server, 'outside'), ['1.0', '2.0'])
  assert.ok((await ask(`${server.url}${addressOf('inside', first)}`)).body.equals(first.bytes))
  assert.ok((await ask(`${server.url}${addressOf('outside', kept)}`)).body.equals(kept.bytes))
}

async function folderAndUpstream(parts: AsyncDisposableStack) {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-read-only-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  return { dataDir: join(folder, 'data'), upstream: parts.use(await startSimulator()) }
}

void test('a read-only server serves what is kept, refuses every change, asks nobody and writes nothing', async () => {
  await using parts = new AsyncDisposableStack()
  const { dataDir, upstream } = await folderAndUpstream(parts)
  const writer = await startWriter(dataDir, upstream)
  const reading = await writer.createToken({ scope: 'read', user: 'admin' })
  assert.equal(await writer.stop(), 0)
  const asked = upstream.requests.length
  const args = [...READ_ONLY, '--private']
  const server = parts.use(await startWaxseal({ dataDir, args, upstreams: new Map([['sim', upstream.simpleUrl]]) }))
  const before = await state(dataDir)
  const authorization = `Bearer ${server.token}`
  const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' }
  const get = (path: string) => ask(`${server.url}${path}`, { headers: { authorization: `Bearer ${reading}` } })

  assert.equal((await get('/simple/inside/')).status, 200)
  assert.ok((await get(addressOf('outside', kept))).body.equals(kept.bytes))
  const cold = await get(addressOf('outside', unfetched))
  assert.deepEqual([cold.status, JSON.parse(cold.body.toString())['code']], [403, 'file-not-kept'])
  assert.match(cold.reason, /never fetched from its upstream.*read-only mode/)
  const unknown = await get('/simple/unknown/')
  assert.equal(unknown.status, 503)
  assert.match(unknown.reason, /Whether unknown exists cannot be said.*read-only mode/)

  const changes = [
    ['POST', '/api/v1/projects/other/claim', undefined],
    ['PUT', '/api/v1/projects/inside/status', { status: 'archived' }],
    ['PUT', '/api/v1/projects/inside/releases/1.0/yank', {}],
    ['DELETE', '/api/v1/projects/inside/releases/1.0', undefined],
    ['DELETE', '/api/v1/projects/inside', undefined],
    ['POST', '/api/v1/tokens', { scope: 'read' }],
    ['DELETE', '/api/v1/tokens/environment', undefined],
    ['POST', '/api/v1/users', { name: 'new' }],
    ['PUT', '/api/v1/users/admin/disabled', { disabled: true }],
  ] as const
  for (const [method, path, body] of changes) {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const reply = await ask(`${server.url}${path}`, { method, headers, ...sent })
    assert.equal(reply.status, 403, `${method} ${path}: ${reply.reason}`)
    assert.equal((JSON.parse(reply.body.toString()) as { code: string }).code, 'read-only', path)
  }
  assert.equal((await uploadFile(server, buildWheel({ name: 'inside', version: '2.0' }))).status, 403)
  for (let times = 0; times < 20; times++) {
    const wrong = Buffer.from(`admin:wrong-password-${times}`).toString('base64')
    const reply = await ask(`${server.url}/simple/inside/`, { headers: { authorization: `Basic ${wrong}` } })
    assert.ok(reply.status === 401 || reply.status === 429, `${reply.status}`)
  }

  const ready = await ask(`${server.url}/-/ready`)
  assert.deepEqual(JSON.parse(ready.body.toString())['modes'], ['read-only'])
  assert.match((await get('/')).body.toString(), /read-only mode/)
  assert.deepEqual(await state(dataDir), before)
  assert.equal(upstream.requests.length, asked, 'no upstream was asked')
  assert.doesNotMatch(server.log(), /"level":50/)
})

void test('read-only servers beside a writer show what it publishes', async () => {
  await using parts = new AsyncDisposableStack()
  const { dataDir, upstream } = await folderAndUpstream(parts)
  const writer = parts.use(await startWriter(dataDir, upstream))
  const readers = [
    parts.use(await startWaxseal({ dataDir, args: READ_ONLY })),
    parts.use(await startWaxseal({ dataDir, args: READ_ONLY })),
  ]
  for (const reader of readers) await assertServesKept(reader)
  assert.equal((await uploadFile(writer, buildWheel({ name: 'inside', version: '1.1' }))).status, 200)
  for (const reader of readers) assert.deepEqual(await versions(reader, 'inside'), ['1.0', '1.1'])
  assert.equal(await writer.stop(), 0)
  for (const reader of readers) assert.deepEqual(await versions(reader, 'inside'), ['1.0', '1.1'])
})

diskTests(import.meta.url, () => {
  void test('a data folder that is mounted read-only: clean, beside a writer, and after a crash', async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir, upstream } = await folderAndUpstream(parts)
    const made = await startWriter(dataDir, upstream)
    assert.equal(await made.stop(), 0)
    assert.deepEqual(
      (await readdir(dataDir)).filter((name) => /-(?:wal|shm)$/.test(name)),
      [],
    )
    const view = parts.use(await mountReadOnly(dataDir))
    const reader = parts.use(await startWaxseal({ dataDir: view.path, args: READ_ONLY }))
    await assertServesKept(reader)

    const writer = await startWaxseal({ dataDir, args: ['--no-upstream'] })
    assert.equal((await uploadFile(writer, buildWheel({ name: 'inside', version: '1.1' }))).status, 200)
    assert.deepEqual(await versions(reader, 'inside'), ['1.0', '1.1'], 'a writer that came later is seen')
    assert.equal((await uploadFile(writer, buildWheel({ name: 'inside', version: '1.2' }))).status, 200)
    await writer.kill9()
    assert.deepEqual(await versions(reader, 'inside'), ['1.0', '1.1', '1.2'])
    const later = parts.use(await startWaxseal({ dataDir: view.path, args: READ_ONLY }))
    assert.deepEqual(await versions(later, 'inside'), ['1.0', '1.1', '1.2'])
  })

  void test('a data folder that is mounted read-only shows what writers changed that came and went', async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir, upstream } = await folderAndUpstream(parts)
    const made = await startWriter(dataDir, upstream)
    assert.equal(await made.stop(), 0)
    const view = parts.use(await mountReadOnly(dataDir))
    const reader = parts.use(await startWaxseal({ dataDir: view.path, args: READ_ONLY }))
    assert.deepEqual(await versions(reader, 'inside'), ['1.0'])
    for (const seen of [
      ['1.0', '1.1'],
      ['1.0', '1.1', '1.2'],
    ]) {
      const writer = await startWaxseal({ dataDir, args: ['--no-upstream'] })
      const next = buildWheel({ name: 'inside', version: seen.at(-1) ?? '' })
      assert.equal((await uploadFile(writer, next)).status, 200)
      assert.equal(await writer.stop(), 0)
      assert.ok(!(await readdir(dataDir)).includes('waxseal.db-wal'), 'nothing tells but the file itself')
      assert.deepEqual(await versions(reader, 'inside'), seen)
    }
  })

  void test('a token that a command revokes is refused by a server on a folder that is mounted read-only', async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir, upstream } = await folderAndUpstream(parts)
    const made = await startWriter(dataDir, upstream)
    assert.equal(await made.stop(), 0)
    const create = ['token', 'create', '--user', 'admin', '--scope', 'read', '--data', dataDir, '--json']
    const { id, token } = JSON.parse(await runWaxseal(create)) as { id: string; token: string }
    const view = parts.use(await mountReadOnly(dataDir))
    const reader = parts.use(await startWaxseal({ dataDir: view.path, args: [...READ_ONLY, '--private'] }))
    // The list of tokens asks for no page: whoever is refused here is refused by what the authenticator alone sees.
    const status = async () =>
      (await ask(`${reader.url}/api/v1/tokens`, { headers: { authorization: `Bearer ${token}` } })).status
    assert.equal(await status(), 200)
    await runWaxseal(['token', 'revoke', id, '--data', dataDir])
    assert.equal(await until(status, (found) => found !== 200), 401)
  })
})

void test(
  'a data folder that belongs to somebody else is served read-only',
  { skip: POWERLESS === undefined && userInfo().uid === 0 },
  async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir, upstream } = await folderAndUpstream(parts)
    const made = await startWriter(dataDir, upstream)
    assert.equal(await made.stop(), 0)
    await chmod(dataDir, 0o555)
    parts.defer(() => chmod(dataDir, 0o700))
    const through = POWERLESS === undefined ? {} : { through: POWERLESS }
    const reader = parts.use(await startWaxseal({ dataDir, args: READ_ONLY, ...through }))
    await assertServesKept(reader)
  },
)

void test('a database of an older version is refused read-only, with a sentence', async () => {
  await using parts = new AsyncDisposableStack()
  const { dataDir, upstream } = await folderAndUpstream(parts)
  const made = await startWriter(dataDir, upstream)
  assert.equal(await made.stop(), 0)
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'))
  database.exec("delete from kysely_migration where name <> '0001-first'")
  database.close()
  const start = runWaxseal(['serve', '--data', dataDir, '--listen', '127.0.0.1:0', ...READ_ONLY])
  await assert.rejects(start, (error) => {
    assert.ok(error instanceof Error)
    assert.match(
      error.message,
      /exited with 3:\nwaxseal: The database is of an earlier version .* without --read-only\.\n/,
    )
    return true
  })
})

for (const wanted of wantedClients('twine')) {
  clientTest(wanted, 'is told at once that the index is read-only', async (client) => {
    await using parts = new AsyncDisposableStack()
    const { dataDir } = await folderAndUpstream(parts)
    assert.equal(await (await startWaxseal({ dataDir, args: ['--no-upstream'] })).stop(), 0)
    const server = parts.use(await startWaxseal({ dataDir, args: [...READ_ONLY, '--no-upstream'] }))
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-twine-'))
    parts.defer(() => rm(folder, { recursive: true }))
    const outcome = await uploaders.twine(client, folder, first, server)
    assert.notEqual(outcome.code, 0)
    assert.match(outcome.stdout + outcome.stderr, /403[\s\S]*Read-only mode: uploads and changes are temporarily/)
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /Retry \d of/)
  })
}

describe('read-only servers on PostgreSQL', () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startEmbeddedPostgres()
  })
  after(() => postgres[Symbol.asyncDispose]())

  it('show what the writer publishes, and change nothing', async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir, upstream } = await folderAndUpstream(parts)
    const env = { WAXSEAL_DATABASE: await postgres.createDatabase() }
    const writer = parts.use(await startWriter(dataDir, upstream, env))
    const reader = parts.use(await startWaxseal({ dataDir, env, args: READ_ONLY }))
    await assertServesKept(reader)
    assert.equal((await uploadFile(writer, buildWheel({ name: 'inside', version: '1.1' }))).status, 200)
    const seen = await until(
      () => versions(reader, 'inside'),
      (found) => found.length === 2,
    )
    assert.deepEqual(seen, ['1.0', '1.1'])
    assert.equal((await uploadFile(reader, buildWheel({ name: 'inside', version: '1.2' }))).status, 403)
  })

  it('are refused on an empty database', async () => {
    await using parts = new AsyncDisposableStack()
    const { dataDir } = await folderAndUpstream(parts)
    const env = { WAXSEAL_DATABASE: await postgres.createDatabase() }
    const start = runWaxseal(['serve', '--data', dataDir, '--listen', '127.0.0.1:0', ...READ_ONLY], env)
    await assert.rejects(start, /exited with 3:\nwaxseal: The database is of an earlier version/)
  })
})
