import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectPlain } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { makeCertificate } from '../../../../test/support/certificate.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import type { ConnectionCounts } from './connection-watch.ts'
import { listenOnAll } from './listen.ts'
import { ServerCertificate } from './server-certificate.ts'

const QUIET = { clock: { now: () => Date.now() }, log: { info: () => undefined, warn: () => undefined } }
const ENDS = { timeout: 20_000 }
/** More than what the system takes over for a client that reads nothing. */
const LARGE = Buffer.alloc(32 * 1024 ** 2)

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-limits-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function until(t: TestContext, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    t.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const closed = async (socket: Socket): Promise<void> => {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

/** A listening server that answers `/wait` when it is told to, `/large` with much, and everything else at once. */
async function scene(scheme: 'http' | 'https', limits: Partial<ConnectionLimits>) {
  await using parts = new AsyncDisposableStack()
  const certificate =
    scheme === 'http' ? undefined : parts.use(await ServerCertificate.open(makeCertificate(folder, 'limits'), QUIET))
  const waiting: ServerResponse[] = []
  const refused: unknown[] = []
  let counts: ConnectionCounts = { size: -1, busy: -1 }
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    if (req.url === '/wait') waiting.push(res)
    else res.end(req.url === '/large' ? LARGE : 'ok')
  }
  const server = parts.use(
    await listenOnAll(handler, [{ host: '127.0.0.1', port: 0 }], {
      graceMs: 0,
      limits,
      watch: {
        opened: (opened) => (counts = opened),
        refused: (...refusal) => refused.push(refusal),
        refusing: ({ url }) => refused.push(url),
      },
      ...(certificate === undefined ? {} : { certificate }),
    }),
  )
  const port = Number(new URL(server.url).port)
  const kept = parts.move()
  return {
    port,
    waiting,
    refused,
    counts: () => counts,
    async open(localAddress = '127.0.0.1'): Promise<Socket> {
      const to = { port, host: '127.0.0.1', localAddress, rejectUnauthorized: false }
      const socket = scheme === 'http' ? connectPlain(to) : connectSecurely(to)
      socket.on('error', () => undefined)
      // Whether it is taken or closed: both are an answer.
      await once(socket, scheme === 'http' ? 'connect' : 'secureConnect').catch(() => undefined)
      return socket
    },
    async ask(socket: Socket, path: string): Promise<string> {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return String((await once(socket, 'data'))[0]).slice(9, 12)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

for (const scheme of ['http', 'https'] as const) {
  suite(`a server that listens for ${scheme}`, () => {
    test('at its limit closes who is idle for longest, and nobody whose request is being answered', ENDS, async (t) => {
      await using server = await scene(scheme, { total: 2 })
      const busy = await server.open()
      busy.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(t, () => server.waiting.length === 1)
      const idle = await server.open()
      assert.equal(await server.ask(idle, '/'), '200')
      const fresh = await server.open()
      await closed(idle)
      assert.deepEqual(server.refused, [['evicted', '127.0.0.1']])
      assert.equal(await server.ask(fresh, '/'), '200')
      await until(t, () => server.counts().size === 2 && server.counts().busy === 1)
      fresh.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(t, () => server.counts().busy === 2)
      await closed(await server.open())
      assert.deepEqual(server.refused.at(-1), ['full', '127.0.0.1'])
      server.waiting[0]?.end('late')
      assert.match(String((await once(busy, 'data'))[0]), /^HTTP\/1\.1 200 /)
    })

    test('has one for each client too, but for those who are exempt', ENDS, async (t) => {
      await using server = await scene(scheme, { perClient: 1, exempt: (address) => address === '127.0.0.3' })
      const other = await server.open('127.0.0.4')
      const proxied = [await server.open('127.0.0.3'), await server.open('127.0.0.3')]
      const first = await server.open('127.0.0.2')
      const second = await server.open('127.0.0.2')
      await closed(first)
      assert.deepEqual(server.refused, [['evicted', '127.0.0.2']])
      for (const socket of [other, ...proxied, second]) assert.equal(await server.ask(socket, '/'), '200')
      second.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(t, () => server.waiting.length === 1)
      await closed(await server.open('127.0.0.2'))
      assert.deepEqual(server.refused.at(-1), ['client-full', '127.0.0.2'])
    })

    test('refuses a request without a descriptor for its file, and says of it that it does', ENDS, async (t) => {
      await using server = await scene(scheme, { descriptors: 3 })
      const first = await server.open()
      const second = await server.open()
      first.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(t, () => server.waiting.length === 1)
      second.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
      assert.match(String((await once(second, 'data'))[0]), /^HTTP\/1\.1 503 [^]*"code":"too-busy"/)
      assert.deepEqual(server.refused, ['/wait'])
    })

    test('cuts off who takes nothing of an answer', ENDS, async (t) => {
      await using server = await scene(scheme, { intervalMs: 10, stallMs: 1, minBytesPerSecond: Infinity })
      const reader = await server.open()
      reader.pause().write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(t, () => server.refused.length > 0)
      assert.deepEqual(server.refused, [['stalled', '127.0.0.1']])
      await until(t, () => server.counts().size === 0)
      reader.destroy()
    })

    test('ends who never ends a body that nobody wants', ENDS, async () => {
      await using server = await scene(scheme, { drain: { maxBytes: 1000, maxMs: 50 } })
      const sender = await server.open()
      sender.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf')
      assert.match(String((await once(sender, 'data'))[0]), /^HTTP\/1\.1 200 /)
      await closed(sender)
    })
  })
}

test('a TLS handshake that does not come is ended when its time is up, at once', ENDS, async (t) => {
  await using server = await scene('https', { handshakeMs: 50 })
  const silent = connectPlain(server.port, '127.0.0.1')
  await closed(silent)
  assert.deepEqual(server.refused, [['tls', '127.0.0.1']])
  await until(t, () => server.counts().size === 0)
})
