import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import tls, { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { makeCertificate } from '../../../../test/support/certificate.ts'
import { listenOnAll } from './listen.ts'
import { ServerCertificate } from './server-certificate.ts'

const QUIET = { clock: { now: () => Date.now() }, log: { info: () => undefined, warn: () => undefined } }
const HERE = [{ host: '127.0.0.1', port: 0 }]

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-listen-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function secure(url: string, settings: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...settings })
  await once(socket, 'secureConnect')
  return socket
}

async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}

test('new connections get the new certificate; old ones and a running answer are undisturbed', async () => {
  const files = { certificate: join(folder, 'served.pem'), key: join(folder, 'served.key') }
  const use = async (name: string): Promise<void> => {
    const made = makeCertificate(folder, name)
    await copyFile(made.certificate, files.certificate)
    await copyFile(made.key, files.key)
  }
  await use('first')
  await using certificate = await ServerCertificate.open(files, QUIET)
  let slow: ServerResponse | undefined
  const handler = (req: { url?: string | undefined }, res: ServerResponse): void => {
    if (req.url !== '/slow') return void res.end('ok')
    slow = res
    res.write('first half, ')
  }
  await using server = await listenOnAll(handler, HERE, { certificate })
  assert.match(server.url, /^https:/)
  const kept = await secure(server.url)
  assert.match(await ask(kept), /200 OK/)
  const running = await secure(server.url)
  running.write('GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let answer = ''
  running.setEncoding('utf8').on('data', (text: string) => (answer += text))
  await once(running, 'data')

  await use('second')
  await certificate.reload()
  const fresh = await secure(server.url)
  assert.equal(fresh.getPeerCertificate().subject.CN, 'second')
  assert.equal(kept.getPeerCertificate().subject.CN, 'first')
  assert.match(await ask(kept), /200 OK/)
  assert.match(await ask(fresh), /200 OK/)
  slow?.end('second half')
  await once(running, 'close')
  assert.match(answer, /first half, [^]*second half/)
  // A session of before is not taken up again in place of a look at the new certificate.
  const session = kept.getSession()
  const resumed = await secure(server.url, session === undefined ? {} : { session })
  if (!resumed.isSessionReused()) assert.equal(resumed.getPeerCertificate().subject.CN, 'second')
  for (const socket of [kept, fresh, resumed]) socket.destroy()
})

test('TLS is 1.2 or 1.3, and speaks HTTP/1.1 alone', async () => {
  await using certificate = await ServerCertificate.open(makeCertificate(folder, 'protocols'), QUIET)
  await using server = await listenOnAll((_req, res) => void res.end('ok'), HERE, { certificate })
  const both = await secure(server.url, { ALPNProtocols: ['h2', 'http/1.1'] })
  assert.deepEqual([both.alpnProtocol, both.getProtocol()], ['http/1.1', 'TLSv1.3'])
  const older = await secure(server.url, { maxVersion: 'TLSv1.2' })
  assert.equal(older.getProtocol(), 'TLSv1.2')
  await assert.rejects(secure(server.url, { ALPNProtocols: ['h2'] }))
  await assert.rejects(
    secure(server.url, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  )
  for (const socket of [both, older]) socket.destroy()
})

test('TLS 1.1 is refused wherever Node itself would take it, after a new certificate too', async (t) => {
  const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls
  t.after(() => Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS }))
  Object.assign(tls, { DEFAULT_MIN_VERSION: 'TLSv1', DEFAULT_CIPHERS: 'DEFAULT@SECLEVEL=0' })
  const files = makeCertificate(folder, 'lenient')
  await using certificate = await ServerCertificate.open(files, QUIET)
  await using server = await listenOnAll((_req, res) => void res.end('ok'), HERE, { certificate })
  const refused = (): Promise<void> =>
    assert.rejects(secure(server.url, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }), {
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    })
  await refused()
  const renewed = makeCertificate(folder, 'renewed')
  await copyFile(renewed.key, files.key)
  await copyFile(renewed.certificate, files.certificate)
  await certificate.reload()
  const fresh = await secure(server.url)
  assert.equal(fresh.getPeerCertificate().subject.CN, 'renewed')
  fresh.destroy()
  await refused()
})

test('a handshake that never comes holds up nobody, and not the end either', async () => {
  await using certificate = await ServerCertificate.open(makeCertificate(folder, 'silent'), QUIET)
  const server = await listenOnAll((_req, res) => void res.end('ok'), HERE, { certificate })
  const silent = connectPlain(Number(new URL(server.url).port), '127.0.0.1')
  await once(silent, 'connect')
  const talking = await secure(server.url)
  assert.match(await ask(talking), /200 OK/)
  await server[Symbol.asyncDispose]()
  silent.resume()
  if (!silent.closed) await once(silent, 'close')
})

test('several addresses are listened on, IPv6 among them, and told as they are written in a browser', async () => {
  await using server = await listenOnAll(
    (_req, res) => void res.end('ok'),
    [
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 0 },
      { host: '::', port: 0 },
      { host: '', port: 0 },
    ],
  )
  const [v4 = '', v6 = '', all = ''] = server.urls
  assert.match(v4, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.match(v6, /^http:\/\/\[::1\]:\d+$/)
  assert.match(all, /^http:\/\/localhost:\d+$/)
  for (const url of [...server.urls, all.replace('localhost', '127.0.0.1'), all.replace('localhost', '[::1]')]) {
    assert.equal(await (await fetch(url)).text(), 'ok', url)
  }
})

test('all of IPv4 and all of IPv6 go together on one port', async () => {
  const taken = createServer().listen(0, '::')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  taken.close()
  await once(taken, 'close')
  await using server = await listenOnAll(
    (_req, res) => void res.end('ok'),
    [
      { host: '0.0.0.0', port },
      { host: '::', port },
    ],
  )
  assert.equal(server.urls.length, 2)
  for (const host of ['127.0.0.1', '[::1]']) assert.equal(await (await fetch(`http://${host}:${port}`)).text(), 'ok')
})

test('where one address is taken none is listened on', async () => {
  await using first = await listenOnAll((_req, res) => void res.end('ok'), HERE)
  const port = Number(new URL(first.url).port)
  await assert.rejects(
    listenOnAll(
      (_req, res) => void res.end('no'),
      [
        { host: '::1', port },
        { host: '127.0.0.1', port },
      ],
    ),
    { code: 'EADDRINUSE', address: '127.0.0.1', port },
  )
  await using again = await listenOnAll((_req, res) => void res.end('ok'), [{ host: '::1', port }])
  assert.ok(again.url)
})

test('more headers than anybody sends are 431', async () => {
  await using server = await listenOnAll((_req, res) => void res.end('ok'), HERE)
  const answers = []
  for (const count of [90, 101, 3000]) {
    const socket = connectPlain(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${'a:\r\n'.repeat(count)}\r\n`)
    const [data] = (await once(socket, 'data')) as [Buffer]
    answers.push(data.toString().slice(9, 12))
    socket.destroy()
  }
  assert.deepEqual(answers, ['200', '431', '431'])
})

test('what is still under way after the grace is cut off', async () => {
  const server = await listenOnAll((_req, res) => void res.write('for ever'), HERE, { graceMs: 50 })
  const socket = connectPlain(Number(new URL(server.url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  const gone = once(socket, 'close')
  await server[Symbol.asyncDispose]()
  await gone
})
