import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertSuccess, workFolder } from '../clients/scene.ts'
import { uploaders } from '../clients/uploading.ts'
import { addressOf, until } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage, spooledFiles } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'

const file = buildWheel({ name: 'late', version: '1.0', module: '#'.repeat(500_000) })

/** Half an upload, of which the server has seen the beginning. */
async function halfUpload(server: RunningServer): Promise<{ readonly socket: Socket; readonly rest: Buffer }> {
  const { body, contentType } = multipart(file)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  const head = [
    'POST /legacy/ HTTP/1.1',
    `Host: ${hostname}`,
    `Authorization: Bearer ${server.token}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body.subarray(0, 200_000))
  await until(
    () => spooledFiles(server.dataDir),
    (files) => files.length === 1,
  )
  return { socket, rest: body.subarray(200_000) }
}

async function dataFolder(parts: AsyncDisposableStack): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-stop-'))
  parts.defer(() => rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

void test('readiness says no first, while everything is still answered; then connections are refused', async () => {
  await using parts = new AsyncDisposableStack()
  const dataDir = await dataFolder(parts)
  const env = { WAXSEAL_STOP_DELAY_SECONDS: '3' }
  const server = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir, env }))
  assert.equal((await ask(`${server.url}/-/ready`)).status, 200)
  const { socket, rest } = await halfUpload(server)
  const stopped = server.stop()
  const refused = await until(
    () => ask(`${server.url}/-/ready`),
    ({ status }) => status !== 200,
  )
  assert.deepEqual([refused.status, refused.reason.includes('being stopped')], [503, true])
  assert.equal((await ask(`${server.url}/-/health`)).status, 200)
  assert.equal((await ask(`${server.url}/simple/`)).status, 200)
  await until(
    () => ask(`${server.url}/-/health`),
    ({ status }) => status === 0,
  )
  socket.write(rest)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /)
  assert.equal(await stopped, 0)
})

void test('what is not finished after the grace is cut off, and nothing of it is seen after the restart', async () => {
  await using parts = new AsyncDisposableStack()
  const dataDir = await dataFolder(parts)
  const env = { WAXSEAL_STOP_GRACE_SECONDS: '1' }
  const server = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir, env }))
  const { socket } = await halfUpload(server)
  const cut = once(socket, 'close')
  assert.equal(await server.stop(), 0)
  await cut
  assertNoServerFault(server)
  assert.doesNotMatch(server.log(), /background work/, 'what was cut off ends by itself')
  const again = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
  assert.equal((await ask(`${again.url}/simple/late/`)).status, 404)
  assert.deepEqual(await spooledFiles(dataDir), [])
  await assertSoundStorage(dataDir)
})

void test('a second signal ends it at once', async () => {
  await using parts = new AsyncDisposableStack()
  const dataDir = await dataFolder(parts)
  const server = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
  const { socket } = await halfUpload(server)
  const cut = once(socket, 'close')
  const stopped = server.stop()
  await until(
    async () => server.log(),
    (log) => log.includes('Stopping (SIGTERM)'),
  )
  server.signal('SIGTERM')
  await cut
  assert.equal(await stopped, null, 'ended by the signal')
  const again = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
  assert.equal((await ask(`${again.url}/simple/late/`)).status, 404)
  await assertSoundStorage(dataDir)
})

for (const wanted of wantedClients('twine')) {
  clientTest(wanted, 'finishes its upload although SIGTERM comes in the middle', async (twine) => {
    await using parts = new AsyncDisposableStack()
    const dataDir = await dataFolder(parts)
    // Not compressible: so much that the signal comes while it is sent.
    const noise = Array.from({ length: 400_000 }, (_, at) => Math.imul(at + 7, 2_654_435_761).toString(36)).join('')
    const large = buildWheel({ name: 'large', version: '1.0', module: `#${noise.repeat(12)}\n` })
    const server = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
    await using work = await workFolder()
    const uploading = uploaders.twine(twine, work.path, large, server)
    await until(
      () => spooledFiles(dataDir),
      (files) => files.length === 1,
    )
    const stopped = server.stop()
    assertSuccess(await uploading)
    assert.equal(await stopped, 0)
    const again = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
    const reply = await ask(`${again.url}${addressOf('large', large)}`)
    assert.ok(reply.body.equals(large.bytes))
  })
}
