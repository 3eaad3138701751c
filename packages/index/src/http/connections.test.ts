import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { MAX_CONNECTION_REQUESTS } from '../limits.ts'
import { connectionLimits } from './connection-limits.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { UNWATCHED } from './connection-watch.ts'
import { Connections } from './connections.ts'

const MANY: ConnectionLimits = { ...connectionLimits(), total: 100, perClient: 100, descriptors: 1000 }

const CHUNK = Buffer.alloc(256 * 1024)
const CHUNKS = 64

/** As files are sent: one chunk at a time, all of one size, the next when the client has taken it. */
async function sendChunks(res: ServerResponse): Promise<void> {
  for (let count = 0; count < CHUNKS; count += 1) {
    if (!(await new Promise((resolve) => res.write(CHUNK, (error) => resolve(!error))))) return
  }
  res.end()
}

/** A server that answers `/wait` only when it is told to, and everything else at once. */
async function scene(limits: Partial<ConnectionLimits>) {
  const connections = new Connections({ ...MANY, ...limits }, UNWATCHED)
  const waiting: ServerResponse[] = []
  const accepted: Socket[] = []
  const shown: string[] = []
  // What ends a connection here is never that it was idle.
  const server = createServer({ keepAliveTimeout: 0 }, (req, res) => {
    const begun = connections.begin(req, res)
    if (begun === 'cut') return undefined
    if (begun === 'no-room') return res.writeHead(503).end()
    if (req.url === '/wait') return waiting.push(res)
    if (req.url === '/large') return res.end(Buffer.alloc(16 * 1024 ** 2))
    if (req.url === '/file') return void sendChunks(res)
    return res.end('ok')
  })
  server.on('connection', (socket: Socket) => {
    accepted.push(socket)
    const address = shown.shift()
    if (address !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: address })
    connections.admit(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    connections,
    waiting,
    accepted,
    /** Addresses that the next connections seem to come from: no machine has a whole IPv6 network on its loopback. */
    shown,
    open: async (from = '127.0.0.1') => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: from })
      socket.on('error', () => undefined)
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      return socket
    },
    ask: async (socket: Socket, path: string) => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      const [data] = (await once(socket, 'data')) as [Buffer]
      return data.toString().slice(9, 12)
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      connections.cut()
      await once(server, 'close')
    },
  }
}

const ENDS = { timeout: 60_000 }

const closed = async (socket: Socket): Promise<void> => {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

test('at the limit the connection that was idle for longest makes room for a new one', async () => {
  await using server = await scene({ total: 3 })
  const first = await server.open()
  const second = await server.open()
  const third = await server.open()
  assert.equal(await server.ask(first, '/'), '200')
  const fourth = await server.open()
  await closed(second)
  for (const socket of [first, third, fourth]) assert.equal(await server.ask(socket, '/'), '200')
  assert.equal(server.connections.size, 3)
})

test('one that has begun a request is never closed for a new one; then the new one goes', async () => {
  await using server = await scene({ total: 2 })
  const busy = [await server.open(), await server.open()]
  for (const socket of busy) socket.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
  while (server.connections.busy < 2) await new Promise((resolve) => setImmediate(resolve))
  await closed(await server.open())
  for (const res of server.waiting) res.end('late')
  for (const socket of busy) assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /)
  assert.equal(await server.ask(await server.open(), '/'), '200', 'they are idle now')
})

test('headers that never end count as idle (SR-2)', async () => {
  await using server = await scene({ total: 1 })
  const slow = await server.open()
  slow.write('GET / HTTP/1.1\r\nX-Slow: ')
  assert.equal(await server.ask(await server.open(), '/'), '200')
  await closed(slow)
})

test('a client at its own limit loses its own idle connections; proxies have no limit', async () => {
  await using server = await scene({ perClient: 2, exempt: (address) => address === '127.0.0.3' })
  const other = await server.open('127.0.0.2')
  const mine = [await server.open(), await server.open(), await server.open()]
  const [oldest, ...rest] = mine
  assert.ok(oldest)
  await closed(oldest)
  for (const socket of [other, ...rest]) assert.equal(await server.ask(socket, '/'), '200')
  const proxied = await Promise.all(Array.from({ length: 5 }, () => server.open('127.0.0.3')))
  for (const socket of proxied) assert.equal(await server.ask(socket, '/'), '200')
})

test('of IPv6 one client is a whole /64', ENDS, async () => {
  await using server = await scene({ perClient: 2 })
  server.shown.push('2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8:0:0:ffff::3')
  const [first, ...rest] = [await server.open(), await server.open(), await server.open(), await server.open()]
  assert.ok(first)
  await closed(first)
  for (const socket of rest) assert.equal(await server.ask(socket, '/'), '200')
})

test('a client whose only connection makes room for its next one is still counted by its limit', ENDS, async () => {
  await using server = await scene({ perClient: 1 })
  const mine = [await server.open(), await server.open(), await server.open()]
  const last = mine.pop()
  await Promise.all(mine.map(closed))
  assert.ok(last)
  assert.equal(await server.ask(last, '/'), '200')
  assert.equal(server.connections.size, 1)
})

test('without descriptors for its file a request waits for no one: idle connections go first, then it is refused', async () => {
  await using server = await scene({ descriptors: 4 })
  const sockets = [await server.open(), await server.open(), await server.open(), await server.open()]
  const [first, second, third, fourth] = sockets
  assert.ok(first && second && third && fourth)
  first.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
  await closed(second)
  third.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
  await closed(fourth)
  assert.deepEqual([server.connections.size, server.connections.busy], [2, 2])
})

test('a client that takes nothing of an answer is cut off, in time for its size', async () => {
  await using server = await scene({})
  const reader = await server.open()
  reader.pause()
  reader.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  while (server.connections.busy < 1) await new Promise((resolve) => setImmediate(resolve))
  const minute = 60_000
  server.connections.endStalled(0)
  server.connections.endStalled(60 * minute)
  assert.equal(server.connections.size, 1, '16 MB may take hours')
  server.connections.endStalled(300 * minute)
  await closed(reader)
  assert.equal(server.connections.size, 0)
})

test('a client that takes a file slowly and steadily gets all of it', async () => {
  await using server = await scene({})
  const reader = await server.open()
  reader.pause()
  reader.write('GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let got = 0
  let now = 0
  for await (const data of reader) {
    got += (data as Buffer).length
    // A sweep for each mebibyte or so, once the server has filled up again what was taken.
    if (got < (now / 60_000) * 1024 ** 2) continue
    now += 60_000
    server.connections.endStalled(now)
  }
  assert.ok(got >= CHUNKS * CHUNK.length, `${got} bytes after ${now / 60_000} minutes`)
  assert.ok(now > 600_000)
})

test('more requests at a time than a connection may have end it, the rest unseen', ENDS, async () => {
  await using server = await scene({})
  const greedy = await server.open()
  const polite = await server.open()
  const request = 'GET /wait HTTP/1.1\r\nHost: x\r\n\r\n'
  polite.write(request.repeat(MAX_CONNECTION_REQUESTS))
  while (server.waiting.length < MAX_CONNECTION_REQUESTS) await new Promise((resolve) => setImmediate(resolve))
  greedy.write(request.repeat(500))
  await closed(greedy)
  assert.equal(server.waiting.length, 2 * MAX_CONNECTION_REQUESTS)
  for (const res of server.waiting) res.end('late')
  let told = ''
  while (told.split('200 OK').length <= MAX_CONNECTION_REQUESTS) told += String((await once(polite, 'data'))[0])
  assert.equal(await server.ask(polite, '/'), '200')
  assert.equal(server.connections.size, 1)
  assert.equal(server.connections.busy, 0)
})

test('closing ends what is idle at once and the rest with its request', async () => {
  await using server = await scene({})
  const idle = await server.open()
  assert.equal(await server.ask(idle, '/'), '200')
  const fresh = await server.open()
  const busy = await server.open()
  busy.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
  const begun = await server.open()
  const half = 'GET / HTTP/1.1\r\nHos'
  begun.write(half)
  const arrived = () => server.accepted.some(({ bytesRead }) => bytesRead === half.length)
  while (server.connections.busy < 1 || !arrived()) await new Promise((resolve) => setImmediate(resolve))
  server.connections.close()
  await Promise.all([closed(idle), closed(fresh)])
  begun.write('t: x\r\n\r\n')
  assert.match(String((await once(begun, 'data'))[0]), /^HTTP\/1\.1 200 [^]*connection: close/i)
  for (const res of server.waiting) res.end('late')
  assert.match(String((await once(busy, 'data'))[0]), /^HTTP\/1\.1 200 /)
  await Promise.all([closed(begun), closed(busy)])
})

test('closing ends a connection with the rest of a body that nobody wanted', ENDS, async () => {
  await using server = await scene({})
  const sender = await server.open()
  sender.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf')
  assert.match(String((await once(sender, 'data'))[0]), /^HTTP\/1\.1 200 /)
  while (server.connections.busy > 0) await new Promise((resolve) => setImmediate(resolve))
  server.connections.close()
  sender.write('rest')
  await closed(sender)
})
