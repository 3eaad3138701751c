import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressOf, until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import { assertSoundStorage, spooledFiles } from '../support/storage-audit.ts'
import { multipart } from '../support/upload-stream.ts'

void test('SIGTERM lets an upload that is under way finish with its 200, then exits with 0', async () => {
  await using parts = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-stop-'))
  parts.defer(() => rm(dataDir, { recursive: true, force: true }))
  const file = buildWheel({ name: 'late', version: '1.0', module: '#'.repeat(500_000) })
  const { body, contentType } = multipart(file)
  const server = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  const head = [
    'POST /legacy/ HTTP/1.1',
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${server.token}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
  ]
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body.subarray(0, 200_000))
  await until(
    () => spooledFiles(dataDir),
    (files) => files.length === 1,
  )

  const began = performance.now()
  const stopped = server.stop()
  await until(
    async () => server.log(),
    (log) => log.includes('Stopping (SIGTERM)'),
  )
  assert.equal((await ask(`${server.url}/-/health`)).status, 0, 'no new connection is taken')
  socket.write(body.subarray(200_000))
  await once(socket, 'close')
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.equal(await stopped, 0)
  assert.ok(performance.now() - began < 15_000, 'it does not wait for a client to give up its idle connection')
  await assertSoundStorage(dataDir)

  const again = parts.use(await startWaxseal({ args: ['--no-upstream'], dataDir }))
  const reply = await ask(`${again.url}${addressOf('late', file)}`)
  assert.deepEqual(reply.body, file.bytes)
})
