import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { ConnectionLimits } from './connection-limits.ts'
import type { ConnectionCounts } from './connection-watch.ts'
import { listenOnAll } from './listen.ts'

const ENDS = { timeout: 20_000 }
const GARBAGE = 'GARBAGE\r\n\r\n'

async function until(t: TestContext, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    t.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** `/later` is answered a moment later, `/wait` when it is told to; everything else has its headers before. */
async function scene(limits: Partial<ConnectionLimits> = {}) {
  const refused: unknown[] = []
  const running: ServerResponse[] = []
  let counts: ConnectionCounts = { size: -1, busy: -1 }
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    req.on('error', () => undefined)
    if (req.url === '/later') return void setImmediate(() => res.end('its own'))
    running.push(res)
    if (req.url !== '/wait') res.write('first, ')
  }
  const server = await listenOnAll(handler, [{ host: '127.0.0.1', port: 0 }], {
    graceMs: 0,
    limits,
    watch: { opened: (opened) => (counts = opened), refused: (...all) => refused.push(all), refusing: () => undefined },
  })
  return {
    refused,
    running,
    counts: () => counts,
    /** A client that goes on sending for as long as it likes. */
    async open(): Promise<Socket> {
      const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** All that is answered until the server ends it; the client does not. */
async function toItsEnd(socket: Socket): Promise<string> {
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  await once(socket, 'end')
  return answer
}

test(
  'what is no request gets its answer, and its connection an end that does not wait for the client',
  ENDS,
  async (t) => {
    await using server = await scene({ drain: { maxBytes: 1000, maxMs: 50 } })
    const socket = await server.open()
    socket.write(GARBAGE)
    assert.match(await toItsEnd(socket), /^HTTP\/1\.1 400 [^]*\r\n\r\n$/)
    assert.deepEqual(server.refused, [['not-http', '127.0.0.1', 400]])
    await until(t, () => server.counts().size === 0)
    socket.destroy()
  },
)

test('what such a client goes on to send is thrown away, up to a bound', ENDS, async (t) => {
  await using server = await scene({ drain: { maxBytes: 1000, maxMs: 3_600_000 } })
  const socket = await server.open()
  socket.write(GARBAGE)
  await once(socket, 'data')
  assert.equal(server.counts().size, 1)
  socket.write('x'.repeat(2000))
  await until(t, () => server.counts().size === 0)
  socket.destroy()
})

test('a client that resets its connection is refused nothing', ENDS, async (t) => {
  await using server = await scene()
  const socket = await server.open()
  socket.write('GET / HTTP/1.1\r\nHos')
  await until(t, () => server.counts().size === 1)
  socket.resetAndDestroy()
  await until(t, () => server.counts().size === 0)
  assert.deepEqual(server.refused, [])
})

test('a request of before gets its own answer', ENDS, async () => {
  await using server = await scene()
  const socket = await server.open()
  socket.write(`GET /later HTTP/1.1\r\nHost: x\r\n\r\n${GARBAGE}`)
  const answer = await toItsEnd(socket)
  assert.match(answer, /^HTTP\/1\.1 200 [^]*\r\n\r\nits own$/)
  assert.deepEqual(server.refused, [['not-http', '127.0.0.1', undefined]])
  socket.destroy()
})

test(
  'nothing is written into an answer that is running; it ends as it would, and the connection with it',
  ENDS,
  async (t) => {
    await using server = await scene()
    const socket = await server.open()
    const request = 'GET /stream HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(request)
    await once(socket, 'data')
    socket.write(GARBAGE + request)
    await until(t, () => server.refused.length === 1)
    server.running[0]?.end('last')
    const rest = await toItsEnd(socket)
    assert.match(rest, /last/)
    assert.doesNotMatch(rest, /HTTP/)
    assert.equal(server.running.length, 1)
    socket.destroy()
  },
)

const CHUNKED = 'HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
const NO_CHUNK = 'no size\r\n'

test(
  'a body that breaks is told to a client that waits for its answer; one that has half of it is cut off',
  ENDS,
  async (t) => {
    await using server = await scene()
    const waiting = await server.open()
    waiting.write(`POST /wait ${CHUNKED}${NO_CHUNK}`)
    assert.match(await toItsEnd(waiting), /^HTTP\/1\.1 400 /)
    waiting.destroy()
    const answered = await server.open()
    answered.write(`POST / ${CHUNKED}`)
    const [beginning] = (await once(answered, 'data')) as [Buffer]
    answered.write(NO_CHUNK)
    await until(t, () => server.refused.length === 2)
    assert.match(beginning.toString(), /^HTTP\/1\.1 200 /)
    assert.doesNotMatch(await toItsEnd(answered).catch(() => ''), /HTTP/)
  },
)
