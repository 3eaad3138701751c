import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { assertSuccess, upload, workFolder } from '../clients/scene.ts'
import { until } from '../support/behind-upstream.ts'
import { wantedClients } from '../support/clients.ts'
import { MEGABYTE, peakMemory, residentMemory } from '../support/memory.ts'
import { buildWheel } from '../support/python-projects.ts'
import { openSocket } from '../support/raw-socket.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { assertNoServerFault } from '../support/storage-audit.ts'

/** What the server allows at once, in all and for one client. */
const CONNECTIONS = 10_000
const OF_ONE_CLIENT = 1_000
/** Opened at a time: more would not fit into the queue of the listening socket. */
const BATCH = 250
/** Beside the sockets, on either side. */
const OTHER_DESCRIPTORS = 700

let server: RunningServer
before(async () => {
  server = await startWaxseal({ args: ['--no-upstream'] })
  await upload(server, buildWheel({ name: 'crowded', version: '1.0' }))
})
after(() => server.stop())

const descriptors = (): number => readdirSync(`/proc/${server.pid}/fd`).length

/** What this process and its child may hold: on a machine that allows less, the crowd is smaller. */
function possible(): number {
  const [, hard = '0'] = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return Math.min(CONNECTIONS, Number(hard) - OTHER_DESCRIPTORS)
}

/** `count` connections of as many clients as it takes, each after `first` was said on it. */
async function crowd(count: number, network: number, first: (socket: Socket) => Promise<unknown>): Promise<Socket[]> {
  const { hostname: host, port } = new URL(server.url)
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - sockets.length) }, async (_, at) => {
      const client = 2 + Math.floor((sockets.length + at) / OF_ONE_CLIENT)
      const socket = connect({ host, port: Number(port), localAddress: `127.0.${network}.${client}` })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      await first(socket)
      return socket
    })
    sockets.push(...(await Promise.all(batch)))
  }
  return sockets
}

void test('10,000 idle connections and 1,000 that send headers byte by byte: pip installs (SR-2)', async (t) => {
  const count = possible()
  const [wanted] = wantedClients('pip')
  if (wanted?.client === undefined && process.env['CI']) throw new Error('pip is not here')
  const before = { descriptors: descriptors(), memory: residentMemory(server.pid) }
  const idle = await crowd(count, 1, async (socket) => {
    socket.write('GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
  })
  const held = { descriptors: descriptors(), memory: residentMemory(server.pid) }
  assert.ok(held.descriptors - before.descriptors >= count - 5, `${held.descriptors} descriptors`)
  const slow = await crowd(Math.round(count / 10), 2, async (socket) => {
    socket.resume().write('GET / HTTP/1.1\r\nX-Slow: ')
  })
  const drip = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('x')), 2_000)
  try {
    assert.ok(descriptors() - before.descriptors <= count + 300, 'the oldest idle ones made room')
    await using work = await workFolder()
    const args = ['install', '--no-deps', '--index-url', `${server.url}/simple/`, '--target', 'out', 'crowded']
    if (wanted?.client !== undefined) assertSuccess(await wanted.client.run(args, { cwd: work.path }))
  } finally {
    clearInterval(drip)
  }
  const grown = held.memory - before.memory
  t.diagnostic(`${count} connections: ${Math.round(grown / MEGABYTE)} MB, ${Math.round(grown / count)} bytes each`)
  assert.ok(grown < 250 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB`)
  for (const socket of [...idle, ...slow]) socket.destroy()
  await until(
    async () => descriptors(),
    (now) => now <= before.descriptors + 5,
  )
  assertNoServerFault(server)
})

void test('a header of 100 MB is answered with 431 when it passes 16 KiB, and costs no memory', async (t) => {
  const { socket, closed } = openSocket(server.url)
  const before = peakMemory(server.pid)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Endless: ')
  const [answer] = await Promise.all([
    once(socket, 'data').then(([text]) => String(text)),
    (async () => {
      const megabyte = Buffer.alloc(MEGABYTE, 'a')
      for (let sent = 0; sent < 100 && socket.writable; sent += 1) {
        if (!socket.write(megabyte)) await Promise.race([once(socket, 'drain'), closed])
      }
    })(),
  ])
  assert.match(answer, /^HTTP\/1\.1 431 /)
  socket.end()
  await closed
  const grown = peakMemory(server.pid) - before
  t.diagnostic(`${Math.round(grown / MEGABYTE)} MB more at the peak`)
  assert.ok(grown < 40 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB`)
  assert.equal((await fetch(`${server.url}/-/health`)).status, 200)
})
