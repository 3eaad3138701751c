import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Load } from './load.ts'

/** Where a load of no pip knocks. */
const targetAt = (port: number) => ({
  url: () => `http://127.0.0.1:${port}`,
  token: 'none',
  pip: undefined,
  folder: '/nowhere',
})

void test('a load that is given up asks nobody any more, also of a server that never answers', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  assert.ok(typeof address === 'object' && address !== null)
  {
    await using load = new Load(targetAt(address.port))
    await once(silent, 'connection')
    assert.deepEqual(load.counts, { uploads: 0, readings: 0, installs: 0, unanswered: 0 })
  }
  const closed = once(silent, 'close')
  silent.close()
  await closed
})

void test('a load against a server that refuses for ever fails, and says how far it came', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  await using load = new Load(targetAt(1))
  const more = load.more({ uploads: 1, readings: 1, installs: 0 })
  t.mock.timers.tick(10 * 60_000)
  await assert.rejects(more, /^Error: the load got no further within \d+ ms: .*"uploads":0/)
})
