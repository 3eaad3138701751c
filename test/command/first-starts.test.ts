import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from '../trust/trusting-clients.ts'

void test('two servers that start on one empty folder serve one signed index, and only one of them made offline keys', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-first-starts-'))
  await using parts = new AsyncDisposableStack()
  const dataDir = join(folder.path, 'data')
  const places = ['one', 'two'].map((name) => join(folder.path, name))
  const servers = await Promise.all(
    places.map((place) => startWaxseal({ dataDir, args: ['--no-upstream'], env: { WAXSEAL_OFFLINE_KEYS: place } })),
  )
  for (const server of servers) parts.use(server)
  assert.equal(places.filter((place) => existsSync(join(place, 'root.key.json'))).length, 1)
  const [one, two] = servers
  assert.ok(one && two)
  const clients = parts.use(await trustingClients(one.url))
  for (const [at, server] of servers.entries()) {
    assert.equal((await uploadFile(server, buildWheel({ name: `acme-${at}`, version: '1.0' }))).status, 200)
  }
  assert.equal(await clients.follow(one.url, ['acme-0', 'acme-1']), await clients.follow(two.url, ['acme-0', 'acme-1']))
  for (const server of servers) assert.equal(await server.stop(), 0)
  // With the keys that lie there now.
  await using again = await startWaxseal({ dataDir, args: ['--no-upstream'] })
  assert.equal((await uploadFile(again, buildWheel({ name: 'acme-0', version: '2.0' }))).status, 200)
  await clients.follow(again.url, ['acme-0', 'acme-1'])
})
