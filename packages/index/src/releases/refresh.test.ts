import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OPERATOR } from '../access/actor.ts'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import { createToken } from '../access/tokens.ts'
import { createUser } from '../access/users.ts'
import { listenOn } from '../http/listen.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { upstreamDefaults } from '../upstream/config.ts'

test('DC-1: a name that is claimed while its upstream is asked takes over nothing of what the upstream lists', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-refresh-'))
  await using upstream = await startSimulator()
  const bytes = Buffer.from('a wheel')
  upstream.addProject({ name: 'demo', files: [{ filename: 'demo-1.0-py3-none-any.whl', bytes }] })
  const upstreams = [upstreamDefaults('sim', upstream.simpleUrl)]
  await using index = await openIndex(indexDefaults(join(folder.path, 'data'), { upstreams }))
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  await createUser(index.store, index.clock, { name: 'root', admin: true, by: OPERATOR })
  const { token } = await createToken(index.store, index.clock, { user: 'root', scope: 'admin', by: OPERATOR })
  const { db } = index.store

  const { promise: until, resolve: release } = Promise.withResolvers<undefined>()
  upstream.setFault('/simple/demo/', { kind: 'hold', until })
  const asked = fetch(`${server.url}/simple/demo/`)
  await upstream.waitForRequests('/simple/demo/', 1)
  const claimed = await fetch(`${server.url}/api/v1/projects/demo/claim`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(claimed.status, 200)
  release(undefined)

  assert.doesNotMatch(await (await asked).text(), /\.whl/)
  assert.deepEqual(await db.selectFrom('file').selectAll().execute(), [])
  assert.deepEqual(await db.selectFrom('upstream_page').selectAll().execute(), [])
  const { authority, upstream: owner } = await db.selectFrom('project').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual([authority, owner], ['internal', null])
  const why = await fetch(`${server.url}/why/demo`, { headers: { accept: 'application/json' } })
  const { offered, withheld } = (await why.json()) as Record<string, unknown>
  assert.deepEqual([offered, withheld], [[], []])
})
