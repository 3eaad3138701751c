import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { drain, type DrainLimits } from './drain.ts'
import { refuseUpload } from './refuse.ts'

interface Refusing {
  readonly socket: Socket
  readonly drained: Promise<boolean>
  /** Settles when the client sees the connection closed. */
  readonly closed: Promise<void>
}

/** A server that refuses at the first byte, and a client that has sent only the head of a request of `length` bytes. */
async function refusing(
  t: TestContext,
  length: number,
  limits: DrainLimits,
  before: (req: IncomingMessage) => void = () => {},
): Promise<Refusing> {
  const { promise: drained, resolve } = Promise.withResolvers<boolean>()
  const server = createServer((req, res) => {
    before(req)
    refuseUpload(res, req, { code: 'unauthorized' })
    resolve(drain(req, limits))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => {
    socket.destroy()
    server.close()
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolveClosed) => socket.once('close', () => resolveClosed()))
  socket.write(`POST /legacy/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`)
  return { socket, drained, closed }
}

test('a client that sends everything first still reads the answer, and the connection goes on', async (t) => {
  const { socket, drained } = await refusing(t, 20_000_000, {})
  socket.pause()
  await new Promise((sent) => socket.write(Buffer.alloc(20_000_000), sent))
  assert.equal(await drained, true)
  const answered = once(socket, 'data')
  socket.resume()
  const [answer] = (await answered) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 401 This index needs credentials/)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 401 /)
})

test('a parser that had stopped reading does not hold the rest back', async (t) => {
  const blocked = new PassThrough({ highWaterMark: 1 })
  const { socket, drained } = await refusing(t, 3_000_000, {}, (req) => req.pipe(blocked))
  socket.write(Buffer.alloc(3_000_000))
  assert.equal(await drained, true)
})

test('more than the bound in bytes is not read: the connection is closed', async (t) => {
  const { socket, drained, closed } = await refusing(t, 1_000_000_000, { maxBytes: 1_000_000 })
  socket.write(Buffer.alloc(5_000_000))
  assert.equal(await drained, false)
  socket.resume()
  await closed
})

test('a client that stops sending is not waited for beyond the bound in time', async (t) => {
  const { socket, drained, closed } = await refusing(t, 1_000, { maxMs: 20 })
  socket.write('half')
  assert.equal(await drained, false)
  socket.resume()
  await closed
})

test('a client that goes away ends the draining', async (t) => {
  const { socket, drained } = await refusing(t, 1_000, {})
  socket.once('data', () => socket.destroy())
  assert.equal(await drained, false)
})

test('a request that has ended needs nothing', async (t) => {
  const { drained } = await refusing(t, 0, {}, (req) => req.resume())
  assert.equal(await drained, true)
})
