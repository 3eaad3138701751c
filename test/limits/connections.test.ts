import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { MAX_CLIENT_CONNECTIONS, RESERVED_DESCRIPTORS } from '../../packages/index/src/limits.ts'
import { MEGABYTE, residentMemory } from '../support/memory.ts'
import { ask } from '../support/raw-http.ts'
import { openSocket } from '../support/raw-socket.ts'
import type { RawConnection } from '../support/raw-socket.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'

let server: RunningServer
before(async () => {
  server = await startWaxseal({ args: ['--no-upstream'] })
})
after(() => server.stop())

const isAlive = async (): Promise<void> => assert.equal((await ask(`${server.url}/-/health`)).status, 200)

/** `count` connections from one address; each answers, or is closed, when it is its turn. */
async function crowd(url: string, from: string, count: number): Promise<readonly RawConnection[]> {
  const all: RawConnection[] = []
  // No more at a time than the queue of a listening socket holds.
  while (all.length < count) {
    const batch = Array.from({ length: Math.min(200, count - all.length) }, () => openSocket(url, from))
    await Promise.all(batch.map(async ({ socket }) => once(socket, 'connect')))
    all.push(...batch)
  }
  return all
}

void test('one client holds 1,000 connections and no more; a trusted proxy, who stands for many, more', async () => {
  await using proxied = await startWaxseal({ args: ['--no-upstream'], env: { WAXSEAL_TRUSTED_PROXIES: '127.0.0.3' } })
  const client = await crowd(proxied.url, '127.0.0.2', MAX_CLIENT_CONNECTIONS + 1)
  assert.equal(await client[0]?.closed, '', 'the one that was idle for longest')
  const proxy = await crowd(proxied.url, '127.0.0.3', MAX_CLIENT_CONNECTIONS + 1)
  proxy[0]?.socket.write('GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match((await proxy[0]?.closed) ?? '', /^HTTP\/1\.1 200 /)
  for (const { socket } of [...client, ...proxy]) socket.destroy()
})

void test('where few files may be open, connections leave descriptors to everything else', async () => {
  const files = 1_200
  const through = ['prlimit', `--nofile=${files}:${files}`]
  await using limited = await startWaxseal({ args: ['--no-upstream'], through })
  const room = files - RESERVED_DESCRIPTORS
  const crowded = await crowd(limited.url, '127.0.0.2', room + 50)
  assert.equal(await crowded[0]?.closed, '')
  const metrics = await ask(`${limited.url}/metrics`)
  const idle = Number(/^waxseal_connections\{state="idle"\} (\d+)$/m.exec(metrics.body.toString())?.[1])
  assert.ok(idle <= room && idle > room - 50, `${idle} connections`)
  for (const { socket } of crowded) socket.destroy()
})

void test('limits of connections and requests', { concurrency: true }, async (t) => {
  const cases = [
    t.test('an upload that crawls is ended by the floor, with an answer (SR-2)', async () => {
      const { socket, closed } = openSocket(server.url)
      socket.write(
        `POST /legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\n` +
          'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\n',
      )
      const drip = setInterval(() => socket.write('x'), 500)
      const [answer] = (await once(socket, 'data').finally(() => clearInterval(drip))) as [string]
      assert.match(answer, /^HTTP\/1\.1 4\d\d /)
      socket.destroy()
      await closed
    }),
    t.test('headers that crawl are ended with 408 (SR-2)', async () => {
      const { socket, closed } = openSocket(server.url)
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
      const drip = setInterval(() => socket.write('X-A: b\r\n'), 500)
      const answer = await closed.finally(() => clearInterval(drip))
      assert.match(answer, /^HTTP\/1\.1 408 /)
    }),
    t.test('headers that are too large are 431', async () => {
      const { socket, closed } = openSocket(server.url)
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(100_000)}\r\n\r\n`)
      assert.match(await closed, /^HTTP\/1\.1 431 /)
      await isAlive()
    }),
    t.test('what is not HTTP is 400', async () => {
      for (const garbage of [
        '\x16\x03\x01\x02\x00\x01',
        'GARBAGE\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        '\0'.repeat(64),
      ]) {
        const { socket, closed } = openSocket(server.url)
        socket.write(garbage)
        assert.match(await closed, /^HTTP\/1\.1 400 /)
      }
      await isAlive()
    }),
    t.test('a target that is too long is a 4xx', async () => {
      const reply = await ask(`${server.url}/simple/${'a'.repeat(8_000)}/`)
      assert.ok(reply.status >= 400 && reply.status < 500, String(reply.status))
    }),
    t.test('a body where none belongs is refused or ignored, never awaited', async () => {
      const body = Buffer.alloc(5 * MEGABYTE)
      for (const [method, path] of [
        ['POST', '/simple/'],
        ['POST', '/simple/demo/'],
        ['PUT', '/files/demo/x'],
        ['POST', '/'],
        ['POST', '/nowhere'],
        ['PUT', '/legacy/'],
        ['POST', '/legacy/demo/'],
        ['POST', '/-/health'],
        ['POST', '/api/v1/tokens'],
      ] as const) {
        const { socket, closed } = openSocket(server.url)
        socket.write(
          `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
        )
        socket.write(body.subarray(0, 1000))
        const [text] = (await once(socket, 'data')) as [string]
        assert.match(text, /^HTTP\/1\.1 4\d\d /, `${method} ${path}`)
        socket.destroy()
        await closed
      }
      await isAlive()
    }),
    t.test('1,000 idle connections keep nobody from being answered, and cost little', async () => {
      const memory = residentMemory(server.pid)
      const idle = Array.from({ length: 1_000 }, () => openSocket(server.url, '127.0.0.2'))
      await Promise.all(idle.map(async ({ socket }) => once(socket, 'connect')))
      await isAlive()
      assert.equal((await ask(`${server.url}/simple/`)).status, 200)
      const grown = residentMemory(server.pid) - memory
      assert.ok(grown < 60 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB`)
      for (const { socket } of idle) socket.destroy()
    }),
  ]
  await Promise.all(cases)
  await assertSoundStorage(server.dataDir)
  assertNoServerFault(server)
})
