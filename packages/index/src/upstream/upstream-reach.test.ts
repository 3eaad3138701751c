import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Simulator } from '../../../../test/support/upstream-simulator.ts'
import { startSimulator } from '../../../../test/support/upstream-simulator.ts'
import type { UpstreamConfig } from './config.ts'
import { upstreamDefaults } from './config.ts'
import type { ResolveHost } from './connect.ts'
import type { FileAnswer, Upstream } from './upstream.ts'
import { openUpstream } from './upstream.ts'

const WHEEL = Buffer.from('wheel '.repeat(2000))
const FILENAME = 'demo-1.0-py3-none-any.whl'

let simulator: Simulator
let upstream: Upstream

beforeEach(async () => {
  simulator = await startSimulator()
  simulator.addProject({ name: 'demo', files: [{ filename: FILENAME, bytes: WHEEL }] })
  upstream = openUpstream(upstreamDefaults('sim', simulator.simpleUrl))
})

afterEach(async () => {
  await upstream[Symbol.asyncDispose]()
  await simulator[Symbol.asyncDispose]()
})

async function reopen(settings: Partial<UpstreamConfig>, resolve?: ResolveHost): Promise<void> {
  await upstream[Symbol.asyncDispose]()
  const config = upstreamDefaults('sim', simulator.simpleUrl, settings)
  upstream = openUpstream(config, resolve === undefined ? {} : { resolve })
}

async function read(answer: FileAnswer): Promise<Buffer> {
  assert.ok(answer.kind === 'open')
  return Buffer.concat(await Array.fromAsync(answer.body))
}

async function failedPage(): Promise<string> {
  const answer = await upstream.fetchPage('demo')
  assert.ok(answer.kind === 'failed')
  return answer.reason
}

describe('Where an upstream may lead us', () => {
  const PRIVATE = [
    'http://169.254.169.254/',
    'https://10.0.0.1/',
    'https://[::1]/',
    'file:///etc/passwd',
    'gopher://x/1',
  ]
  for (const to of PRIVATE) {
    it(`API-SSRF: does not follow a redirect to ${to}`, async () => {
      simulator.setFault('/', { kind: 'redirect', to })
      assert.match(await failedPage(), /may not be followed/)
      assert.equal((await upstream.openFile(simulator.fileUrl('demo', FILENAME))).kind, 'failed')
      assert.equal((await upstream.fetchSmall(simulator.fileUrl('demo', FILENAME), 10)).kind, 'failed')
    })
  }

  it('API-SSRF: another port of the same machine is another origin', async () => {
    await using secret = await startSimulator()
    simulator.setFault('/', { kind: 'redirect', to: `${secret.url}/simple/demo/` })
    await failedPage()
    assert.equal((await upstream.openFile(`${secret.url}/x`)).kind, 'failed')
    assert.equal(secret.requests.length, 0)
  })

  it('API-JSURL: opens no other scheme', async () => {
    for (const url of ['file:///etc/passwd', 'data:,x', 'javascript:1', 'ftp://a.test/', '../x', '']) {
      assert.equal((await upstream.openFile(url)).kind, 'failed')
      assert.equal((await upstream.fetchSmall(url, 10)).kind, 'failed')
    }
  })

  it('API-SSRF: refuses a public name with a private address among its addresses', async () => {
    await using secret = await startSimulator({ https: true })
    let lookups = 0
    await reopen({ ca: secret.ca ?? '' }, (_hostname, callback) => {
      lookups += 1
      const addresses = [
        { address: '93.184.215.14', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]
      callback(null, addresses)
    })
    const answer = await upstream.openFile(secret.url.replace('127.0.0.1', 'localhost'))
    assert.ok(answer.kind === 'failed')
    assert.match(answer.reason, /not, or not only, at public addresses/)
    assert.equal(lookups, 1)
    assert.equal(secret.requests.length, 0)
  })

  it('API-REDIR: sends credentials to the upstream and to nobody else', async () => {
    await using elsewhere = await startSimulator()
    elsewhere.addAnswer('/file', { body: WHEEL })
    await reopen({ username: 'user', password: 'secret', alsoAllow: [elsewhere.url] })
    simulator.setFault('/files/', { kind: 'redirect', to: `${elsewhere.url}/file` })
    await upstream.fetchPage('demo')
    assert.deepEqual(await read(await upstream.openFile(simulator.fileUrl('demo', FILENAME))), WHEEL)
    assert.deepEqual(await read(await upstream.openFile(`${elsewhere.url}/file`)), WHEEL)
    assert.deepEqual(
      simulator.requests.map(({ headers }) => headers.authorization),
      Array.from({ length: 2 }, () => `Basic ${Buffer.from('user:secret').toString('base64')}`),
    )
    assert.deepEqual(
      elsewhere.requests.map(({ headers }) => headers.authorization),
      [undefined, undefined],
    )
  })
})

describe('How an upstream is reached', () => {
  it('logs in where it is asked to', async () => {
    await using guarded = await startSimulator({ basicAuth: { username: 'u', password: 'p' } })
    guarded.addProject({ name: 'demo', files: [] })
    await using anonymous = openUpstream(upstreamDefaults('a', guarded.simpleUrl))
    assert.equal((await anonymous.fetchPage('demo')).kind, 'failed')
    await using known = openUpstream(upstreamDefaults('a', guarded.simpleUrl.replace('//', '//u:p@')))
    assert.equal((await known.fetchPage('demo')).kind, 'found')
  })

  it('trusts a certificate authority of its own, and no unknown one', async () => {
    await using secure = await startSimulator({ https: true })
    secure.addProject({ name: 'demo', files: [] })
    const ca = secure.ca ?? ''
    await using trusting = openUpstream(upstreamDefaults('a', secure.simpleUrl, { ca }))
    assert.equal((await trusting.fetchPage('demo')).kind, 'found')
    await using other = openUpstream(upstreamDefaults('a', secure.simpleUrl))
    const answer = await other.fetchPage('demo')
    assert.ok(answer.kind === 'failed')
    assert.match(answer.reason, /SELF_SIGNED|UNABLE_TO_VERIFY/)
  })

  for (const https of [false, true]) {
    it(`goes through a proxy, ${https ? 'tunnelling' : 'forwarding'}`, async () => {
      await using target = await startSimulator({ https })
      target.addProject({ name: 'demo', files: [] })
      const seen: string[] = []
      const proxy = createServer((request, response) => {
        seen.push(request.url ?? '')
        void fetch(request.url ?? '', { headers: { accept: request.headers.accept ?? '' } }).then(async (answer) => {
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
          response.end(Buffer.from(await answer.arrayBuffer()))
        })
      })
      proxy.on('connect', (request, socket) => {
        seen.push(request.url ?? '')
        const out = connect(Number(new URL(target.url).port), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          socket.pipe(out).pipe(socket)
        })
        out.on('error', () => socket.destroy())
        socket.on('error', () => out.destroy())
      })
      proxy.listen(0, '127.0.0.1')
      await once(proxy, 'listening')
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const settings = { proxy: url, ...(target.ca === undefined ? {} : { ca: target.ca }) }
      {
        await using through = openUpstream(upstreamDefaults('a', target.simpleUrl, settings))
        const answer = await through.fetchPage('demo')
        assert.equal(answer.kind, 'found', JSON.stringify(answer))
        assert.equal(seen.length, 1)
        assert.equal((await through.openFile('https://127.0.0.1/x')).kind, 'failed')
        assert.equal((await through.openFile('https://localhost/x')).kind, 'failed')
        assert.equal(seen.length, 1)
      }
      proxy.closeAllConnections()
      proxy.close()
    })
  }
})
