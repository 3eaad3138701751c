import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressOf } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { RunningServer } from '../support/server.ts'
import { startWaxseal } from '../support/server.ts'
import { assertNoServerFault } from '../support/storage-audit.ts'
import { uploadFile } from '../support/upload-form.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

interface Scene extends AsyncDisposable {
  /** It has been asked for nothing since the server went offline. */
  readonly upstream: Simulator
  readonly server: RunningServer
  readonly folder: string
  readonly kept: Distribution
  readonly unfetched: Distribution
}

/**
 * A server that is offline, with what it kept before: `kept` whole and decided, a page of `seen` that nobody installed
 * from. Every upstream it is told of now counts the questions it gets.
 */
async function startOffline(): Promise<Scene> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-offline-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = parts.use(await startSimulator())
  const upstreams = new Map([['sim', upstream.simpleUrl]])
  const dataDir = join(folder, 'data')
  const kept = buildWheel({ name: 'kept', version: '1.0' })
  const unfetched = buildWheel({ name: 'kept', version: '2.0' })
  const seen = buildWheel({ name: 'seen', version: '1.0' })
  const simulated = (file: Distribution) => ({ ...file, metadata: Buffer.from(file.metadata) })
  upstream.addProject({ name: 'kept', files: [kept, unfetched].map(simulated) })
  upstream.addProject({ name: 'seen', files: [simulated(seen)] })
  const online = await startWaxseal({ dataDir, upstreams })
  for (const project of ['kept', 'seen']) {
    assert.equal((await ask(`${online.url}/simple/${project}/`)).status, 200)
  }
  assert.equal((await ask(`${online.url}${addressOf('kept', kept)}`)).status, 200)
  assert.equal(await online.stop(), 0)
  const asked = upstream.requests.length
  const server = parts.use(await startWaxseal({ dataDir, upstreams, env: { WAXSEAL_OFFLINE: 'true' } }))
  parts.defer(() => assert.equal(upstream.requests.length, asked, 'an upstream was asked'))
  const all = parts.move()
  return { upstream, server, folder, kept, unfetched, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const codeOf = (body: Buffer): string => (JSON.parse(body.toString()) as { code: string }).code

void test('DC: an offline server asks nobody, serves what it keeps and never says that a name does not exist', async () => {
  await using scene = await startOffline()
  const { server, kept, unfetched } = scene
  const get = (path: string) => ask(`${server.url}${path}`, { headers: { accept: JSON_TYPE } })
  const page = await get('/simple/kept/')
  assert.deepEqual((JSON.parse(page.body.toString()) as { versions: string[] }).versions, ['1.0', '2.0'])
  assert.ok((await get(addressOf('kept', kept))).body.equals(kept.bytes))
  const sidecar = await get(`${addressOf('kept', kept)}.metadata`)
  assert.equal(sidecar.body.toString(), kept.metadata, 'taken from the wheel: nobody had asked for it')
  for (const suffix of ['', '.metadata']) {
    const cold = await get(`${addressOf('kept', unfetched)}${suffix}`)
    assert.deepEqual([cold.status, codeOf(cold.body)], [403, 'file-not-kept'])
    assert.match(cold.reason, /never fetched from its upstream.*offline mode/)
  }
  assert.equal((await get('/simple/seen/')).status, 200)
  const undecided = await get(addressOf('seen', buildWheel({ name: 'seen', version: '1.0' })))
  assert.deepEqual([undecided.status, codeOf(undecided.body)], [403, 'file-not-kept'])
  for (const path of ['/simple/unknown/', '/pypi/unknown/json']) {
    const unknown = await get(path)
    assert.deepEqual([unknown.status, codeOf(unknown.body)], [503, 'offline'], path)
    assert.match(unknown.reason, /Whether unknown exists cannot be said: nothing of it is kept here\..*offline mode/)
  }
  const ready = await get('/-/ready')
  assert.deepEqual(JSON.parse(ready.body.toString())['modes'], ['offline'])
  assert.match((await get('/')).body.toString(), /offline mode/)
  assertNoServerFault(server)
})

void test('DC-17: an offline server takes uploads of its own names and no new name that an upstream may have', async () => {
  await using scene = await startOffline()
  const { server } = scene
  const token = await server.createToken({ scope: 'upload' })
  const uploader = { url: server.url, token }
  const refused = await uploadFile(uploader, buildWheel({ name: 'new-name', version: '1.0' }))
  assert.equal(refused.status, 403)
  assert.match(refused.reason, /could not be found out: This index is in offline mode.* administrator can claim it/)
  const taken = await uploadFile(uploader, buildWheel({ name: 'kept', version: '9.0' }))
  assert.equal(taken.status, 403)
  assert.match(taken.reason, /belongs to 'sim'/)
  assert.equal(
    (await uploadFile(server, buildWheel({ name: 'new-name', version: '1.0' }))).status,
    200,
    'an administrator',
  )
  const added = await fetch(`${server.url}/api/v1/projects/new-name/members/tester`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'maintainer' }),
  })
  assert.equal(added.status, 200)
  assert.equal((await uploadFile(uploader, buildWheel({ name: 'new-name', version: '1.1' }))).status, 200)
  const page = await ask(`${server.url}/simple/new-name/`, { headers: { accept: JSON_TYPE } })
  assert.deepEqual((JSON.parse(page.body.toString()) as { versions: string[] }).versions, ['1.0', '1.1'])
})

void test('an offline server without upstreams knows which names do not exist', async () => {
  await using server = await startWaxseal({ args: ['--offline', '--no-upstream'] })
  assert.equal((await ask(`${server.url}/simple/unknown/`)).status, 404)
})

for (const wanted of wantedClients('pip')) {
  clientTest(
    wanted,
    'installs from an offline index what is kept, and shows why the rest is not there',
    async (client) => {
      await using scene = await startOffline()
      const { server, folder } = scene
      const install = (requirement: string) =>
        client.run(
          [
            'install',
            '--target',
            join(folder, 'out'),
            '--no-deps',
            '--index-url',
            `${server.url}/simple/`,
            requirement,
          ],
          { cwd: folder },
        )
      const installed = await install('kept==1.0')
      assert.equal(installed.code, 0, installed.stderr)
      const refused = await install('kept==2.0')
      assert.equal(refused.code, 1)
      assert.match(refused.stdout + refused.stderr, /403 Client Error: .*never fetched from its upstream.*offline mode/)
    },
  )
}
