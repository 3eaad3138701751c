import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import { isoTime } from '../clock.ts'
import { listenOn } from '../http/listen.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { upstreamDefaults } from '../upstream/config.ts'

test('between the commit of a first listing and its first page a name is not unknown: no false 404', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-offers-'))
  await using upstream = await startSimulator()
  upstream.addProject({
    name: 'demo',
    files: [{ filename: 'demo-1.0-py3-none-any.whl', bytes: Buffer.from('a wheel') }],
  })
  const upstreams = [upstreamDefaults('sim', upstream.simpleUrl)]
  await using index = await openIndex(indexDefaults(join(folder.path, 'data'), { upstreams }))
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  const at = isoTime(index.clock)
  // What a request sees that comes while another one's refresh is between the two, here or in another process.
  await index.store.transaction(async (tx) => {
    const row = { name: 'demo', display_name: 'demo', authority: 'unclaimed', upstream: 'sim', rev: 0 } as const
    await tx
      .insertInto('project')
      .values({ ...row, status: 'active', status_reason: null, created_at: at })
      .execute()
    const listing = { project: 'demo', upstream: 'sim', etag: null, last_modified: null, checked_at: at }
    await tx
      .insertInto('upstream_page')
      .values({ ...listing, status: 'active', status_reason: null })
      .execute()
  })
  const answer = await fetch(`${server.url}/simple/demo/`)
  assert.equal(answer.status, 200)
  assert.match(await answer.text(), /demo-1\.0-py3-none-any\.whl/)
})

test('a clock that was set back does not make an old answer fresh: the upstream is asked again', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-offers-'))
  await using upstream = await startSimulator()
  const wheel = (version: string) => ({
    filename: `demo-${version}-py3-none-any.whl`,
    bytes: Buffer.from(`wheel ${version}`),
  })
  upstream.addProject({ name: 'demo', files: [wheel('1.0')] })
  let now = Date.parse('2026-03-01T12:00:00.000Z')
  const upstreams = [upstreamDefaults('sim', upstream.simpleUrl)]
  const config = indexDefaults(join(folder.path, 'data'), { upstreams })
  await using index = await openIndex(config, { clock: { now: () => now } })
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  const page = async (): Promise<string> => (await fetch(`${server.url}/simple/demo/`)).text()
  assert.match(await page(), /demo-1\.0/)
  await page()
  assert.equal(upstream.requestsFor('/simple/demo/').length, 1, 'fresh while time goes on as it should')

  upstream.addProject({ name: 'demo', files: [wheel('1.0'), wheel('2.0')] })
  now -= 86_400_000
  assert.match(await page(), /demo-2\.0/)
  assert.equal(upstream.requestsFor('/simple/demo/').length, 2)
})
