import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { test } from 'node:test'
import { IMPATIENT, addressOf, startBehind } from '../support/behind-upstream.ts'
import { MEGABYTE, peakMemory, residentMemory } from '../support/memory.ts'
import { ask } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

const CLIENTS = 50
const filename = 'demo-1.0-py3-none-any.whl'

void test('50 clients of a cold file cost one upstream request, and all stream from it while it fills', async () => {
  await using behind = await startBehind({ sim: {} })
  const { upstream, server } = behind
  const file = { filename, bytes: randomBytes(2 * MEGABYTE) }
  upstream.addProject({ name: 'demo', files: [file] })
  await behind.page('demo')
  const all = Promise.withResolvers<void>()
  upstream.setFault('/files/demo/', { kind: 'hold', until: all.promise, afterBytes: MEGABYTE })
  let streaming = 0
  const clients = Array.from({ length: CLIENTS }, () => {
    let first = true
    return behind.file('demo', file, {
      onData: () => {
        if (!first) return
        first = false
        streaming += 1
        // Only now may the upstream go on: whoever waited for the whole file would hang here.
        if (streaming === CLIENTS) all.resolve()
      },
    })
  })
  for (const reply of await Promise.all(clients)) {
    assert.deepEqual([reply.status, reply.complete, reply.body.equals(file.bytes)], [200, true, true])
  }
  assert.equal(upstream.requestsFor('/files/demo/').length, 1)
  await assertSoundStorage(server.dataDir)
  assertNoServerFault(server)
})

void test('50 clients of a cold page, and of a cold sidecar, cost one upstream request each', async () => {
  await using behind = await startBehind({ sim: {} })
  const { upstream } = behind
  const file = {
    filename,
    bytes: randomBytes(1000),
    metadata: Buffer.from('Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n'),
  }
  upstream.addProject({ name: 'demo', files: [file] })
  const release = Promise.withResolvers<void>()
  upstream.setFault('/', { kind: 'hold', until: release.promise })
  const pages = Array.from({ length: CLIENTS }, () => behind.page('demo'))
  await upstream.waitForRequests('/simple/demo/', 1)
  release.resolve()
  const bodies = new Set((await Promise.all(pages)).map(({ status, body }) => `${status} ${body.toString()}`))
  assert.equal(bodies.size, 1)
  assert.match([...bodies].join(), /^200 /)
  assert.equal(upstream.requestsFor('/simple/demo/').length, 1)
  const sidecars = Array.from({ length: CLIENTS }, () => behind.ask(`${addressOf('demo', file)}.metadata`))
  for (const reply of await Promise.all(sidecars)) assert.deepEqual(reply.body, file.metadata)
  assert.equal(upstream.requestsFor(/\.metadata$/).length, 1)
})

void test('a reader that takes nothing, and one that goes away, delay nobody', async () => {
  await using behind = await startBehind({ sim: {} })
  const { upstream, server } = behind
  const file = { filename, bytes: randomBytes(20 * MEGABYTE) }
  upstream.addProject({ name: 'demo', files: [file] })
  await behind.page('demo')
  const { hostname, port } = new URL(server.url)
  const slow = connect(Number(port), hostname).pause()
  slow.write(`GET ${addressOf('demo', file)} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await upstream.waitForRequests('/files/demo/', 1)
  const gone = connect(Number(port), hostname)
  gone.write(`GET ${addressOf('demo', file)} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await once(gone, 'data')
  gone.destroy()
  const reply = await behind.file('demo', file)
  assert.deepEqual([reply.status, reply.complete, reply.body.equals(file.bytes)], [200, true, true])
  assert.equal(upstream.requestsFor('/files/demo/').length, 1)
  slow.destroy()
  assertNoServerFault(server)
})

void test('a hanging upstream delays nobody who asks another one', async () => {
  await using behind = await startBehind({ fast: {}, hanging: { ...IMPATIENT, 'first-byte-timeout-seconds': 60 } })
  const { upstream } = behind
  const hanging = behind.upstreams.get('hanging')
  assert.ok(hanging)
  const file = { filename, bytes: randomBytes(1000) }
  upstream.addProject({ name: 'demo', files: [file] })
  hanging.setFault('/', { kind: 'hang' })
  const stuck = Array.from({ length: CLIENTS }, (_, at) => behind.ask(`/simple/elsewhere-${at}/`))
  await hanging.waitForRequests('/simple/', CLIENTS)
  const began = performance.now()
  const page = await behind.page('demo')
  const reply = await behind.file('demo', file)
  assert.deepEqual([page.status, reply.status], [200, 200])
  assert.ok(performance.now() - began < 5_000)
  await hanging[Symbol.asyncDispose]()
  for (const { status } of await Promise.all(stuck)) assert.equal(status, 503)
})

void test('HEAD, and a condition that holds, are answered without asking the upstream for the file', async () => {
  await using behind = await startBehind({ sim: {} })
  const { upstream } = behind
  const file = { filename, bytes: randomBytes(1000) }
  upstream.addProject({ name: 'demo', files: [file] })
  upstream.addProject({
    name: 'plain',
    files: [{ ...file, filename: filename.replace('demo', 'plain') }],
    formats: 'html',
  })
  await behind.page('demo')
  await behind.page('plain')
  upstream.setFault('/files/', { kind: 'hang' })
  const head = await behind.file('demo', file, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length']], [200, '1000'])
  const plain = { ...file, filename: filename.replace('demo', 'plain') }
  const unknown = await behind.file('plain', plain, { method: 'HEAD' })
  assert.deepEqual([unknown.status, unknown.headers['content-length']], [200, undefined])
  const same = await behind.file('demo', file, { headers: { 'if-none-match': `"${sha256Of(file.bytes)}"` } })
  assert.deepEqual([same.status, same.body.length], [304, 0])
  assert.equal(upstream.requestsFor('/files/').length, 0)
})

void test('a kept-alive connection that the upstream closes as it is used again is no failure', async () => {
  await using behind = await startBehind()
  const { upstream } = behind
  upstream.addProject({ name: 'demo', files: [{ filename, bytes: randomBytes(10) }] })
  await behind.page('demo')
  upstream.setFault('/simple/other/', { kind: 'close' })
  upstream.addProject({ name: 'other', files: [] })
  const asked = behind.page('other')
  await upstream.waitForRequests('/simple/other/', 1)
  upstream.clearFaults()
  assert.equal((await asked).status, 200)
  assert.equal(upstream.requestsFor('/simple/other/').length, 2)
})

void test('memory stays flat while a file of 300 MB comes from an upstream for four clients', async (t) => {
  const SIZE = 300 * MEGABYTE
  const piece = randomBytes(MEGABYTE)
  const hash = createHash('sha256')
  for (let at = 0; at < SIZE; at += MEGABYTE) hash.update(piece)
  const sha256 = hash.digest('hex')
  // The simulator holds its files in memory; this one is made on the way.
  const origin = createServer((request, response) => {
    if (request.url === '/simple/demo/') {
      const page = {
        meta: { 'api-version': '1.1' },
        name: 'demo',
        versions: ['1.0'],
        files: [{ filename, url: `/files/${filename}`, hashes: { sha256 }, size: SIZE }],
      }
      response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json').end(JSON.stringify(page))
      return
    }
    response.setHeader('content-length', SIZE)
    let left = SIZE
    const more = (): void => {
      while (left > 0) {
        left -= MEGABYTE
        if (!response.write(piece)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  await using server = await startWaxseal({
    upstreams: new Map([['sim', `http://127.0.0.1:${(origin.address() as AddressInfo).port}/simple/`]]),
  })
  try {
    const page = await ask(`${server.url}/simple/demo/`)
    assert.equal(page.status, 200, page.body.toString())
    assert.ok(page.body.includes(sha256), page.body.toString())
    const before = residentMemory(server.pid)
    const digests = Array.from({ length: 4 }, async () => {
      let received = 0
      const reply = await ask(`${server.url}/files/demo/${sha256}/${filename}`, {
        discard: true,
        onData: (total) => void (received = total),
      })
      return [reply.status, reply.complete, received]
    })
    for (const outcome of await Promise.all(digests)) assert.deepEqual(outcome, [200, true, SIZE])
    const peak = peakMemory(server.pid)
    const told = `${Math.round(before / MEGABYTE)} MB before, ${Math.round(peak / MEGABYTE)} MB at worst`
    assert.ok(peak - before < 120 * MEGABYTE, told)
    t.diagnostic(told)
    await assertSoundStorage(server.dataDir)
  } finally {
    origin.closeAllConnections()
    origin.close()
  }
})
