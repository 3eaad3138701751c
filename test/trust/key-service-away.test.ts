import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyService, ServiceKey, temporaryFolder } from '../../packages/trust/test/support/key-service.ts'
import { Transit } from '../../packages/trust/test/support/transit.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from './trusting-clients.ts'

const TOKEN = 'hvs.token-of-the-test'
const SEALED = { status: 503, document: { errors: ['Vault is sealed'] } }

void test('a server whose key service does not answer starts, serves, says so everywhere, and signs once it answers', async (t) => {
  const transit = new Transit({ token: TOKEN, mount: 'transit', name: 'waxseal' })
  transit.versions.push(await ServiceKey.generate(t, 'ed25519'))
  let away = false
  const service = await keyService(t, (request) => (away ? SEALED : transit.answer(request)))
  const folder = await temporaryFolder(t)
  const dataDir = join(folder, 'data')
  const config = join(folder, 'waxseal.toml')
  await writeFile(join(folder, 'token'), TOKEN)
  const place = `vault:transit/waxseal?version=1&address=${service.url}&token-file=${join(folder, 'token')}`
  await writeFile(config, `[signing]\npages = "${place}"\ntimestamp = "${place}"\nsnapshot = "${place}"\n`)
  const start = () => startWaxseal({ dataDir, args: ['--no-upstream', '--config', config] })
  {
    await using server = await start()
    const file = buildWheel({ name: 'acme-hello', version: '1.0' })
    assert.deepEqual(await uploadFile(server, file), { status: 200, reason: 'OK' })
  }

  away = true
  await using server = await start()
  await using clients = await trustingClients(server.url)
  const before = await clients.follow(server.url, ['acme-hello'])
  assert.match(server.log(), /timestamp, looked for in Vault, as waxseal: .*503/)
  const ready = await fetch(`${server.url}/-/ready`)
  const { status, checks } = (await ready.json()) as { status: string; checks: Record<string, { state: string }> }
  assert.deepEqual([ready.status, status, checks['signing']?.state], [200, 'degraded', 'degraded'])
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  assert.match(metrics, /^waxseal_degraded\{check="signing"\} 1$/m)
  const authorization = `Bearer ${server.token}`
  const asked = await fetch(`${server.url}/api/v1/status`, { headers: { authorization } })
  const { attention } = (await asked.json()) as { attention: readonly string[] }
  assert.ok(
    attention.some((line) => line.includes('looked for in Vault, as waxseal')),
    attention.join(),
  )
  const refused = await uploadFile(server, buildWheel({ name: 'acme-hello', version: '2.0' }))
  assert.equal(refused.status, 503)
  assert.equal(await clients.follow(server.url, ['acme-hello']), before)

  away = false
  const accepted = await uploadFile(server, buildWheel({ name: 'acme-hello', version: '3.0' }))
  assert.deepEqual(accepted, { status: 200, reason: 'OK' })
  assert.ok((await clients.follow(server.url, ['acme-hello'])) > before)
  const everything = [server.log(), metrics, attention.join()].join()
  assert.ok(!everything.includes(TOKEN))
})
