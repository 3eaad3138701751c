import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ResponseWriter } from './response-writer.ts'

test('a client that takes nothing is cut off; the writer says so and stays quiet', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.pause()
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  const writer = new ResponseWriter(res, 20)
  // Far more than the system's socket buffers hold.
  assert.equal(await writer.write(Buffer.alloc(64_000_000)), false)
  assert.ok(writer.closed)
  assert.equal(await writer.write(Buffer.alloc(1)), false)
  assert.equal(await writer.whileOpen(new Promise(() => {})), false)
  writer.end()
  socket.destroy()
  server.close()
})
