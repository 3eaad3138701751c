import assert from 'node:assert/strict'
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { negotiateEncoding, negotiateSimple } from './negotiate.ts'
import { RepresentationCache } from './representation-cache.ts'
import { sendBody } from './send-body.ts'

const page = Buffer.from('{"files":[]}'.repeat(500))
let server: Server
before(async () => {
  const cache = new RepresentationCache({ maxBytes: 1_000_000 })
  server = createServer((req, res) => {
    const { contentType } = negotiateSimple(req.headers.accept)
    const encoding = negotiateEncoding(req.headers['accept-encoding'])
    cache
      .get({ sha256: '0', contentType }, encoding, async () => ({ bytes: page }))
      .then((representation) => sendBody(req, res, representation))
      .catch(() => res.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(() => server.close())

async function get(headers: Record<string, string> = {}, method = 'GET') {
  const { port } = server.address() as AddressInfo
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false, method, headers }, resolve).on('error', reject).end()
  })
  return { status: res.statusCode, headers: withoutDate(res.headers), body: await buffer(res) }
}

function withoutDate({ date, ...rest }: IncomingHttpHeaders): IncomingHttpHeaders {
  assert.ok(date, 'pip caches nothing without a Date')
  return rest
}

test('a page carries what clients need to keep and to check it (behaviour.md 7.3.4)', async () => {
  const { status, headers, body } = await get({ 'accept-encoding': 'gzip, deflate' })
  assert.equal(status, 200)
  assert.equal(headers['content-encoding'], 'gzip')
  assert.equal(headers['content-length'], String(body.length))
  assert.equal(headers['cache-control'], 'no-cache')
  assert.equal(headers.vary, 'Accept, Accept-Encoding')
  assert.deepEqual(gunzipSync(body), page)
})

test('API-HTML: nothing in a page can run or load', async () => {
  const { headers } = await get()
  assert.match(String(headers['content-security-policy']), /^default-src 'none'/)
  assert.equal(headers['x-content-type-options'], 'nosniff')
})

test('the JSON type has no charset', async () => {
  const { headers } = await get({ accept: 'application/vnd.pypi.simple.v1+json' })
  assert.equal(headers['content-type'], 'application/vnd.pypi.simple.v1+json')
})

test('HEAD has the headers of GET and no body', async () => {
  const whole = await get()
  const head = await get({}, 'HEAD')
  assert.equal(head.body.length, 0)
  assert.deepEqual(head.headers, whole.headers)
})

test('a client that has the page gets a 304 with the headers that keep it fresh', async () => {
  const whole = await get()
  const etag = String(whole.headers.etag)
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const { status, headers, body } = await get({ 'if-none-match': tag })
    assert.equal(status, 304)
    assert.equal(body.length, 0)
    assert.equal(headers.etag, etag)
    assert.equal(headers['cache-control'], 'no-cache')
    assert.equal(headers.vary, 'Accept, Accept-Encoding')
    assert.equal(headers['content-type'], undefined)
  }
  assert.equal((await get({ 'if-none-match': '"other"' })).status, 200)
})

test('CACHE-POIS: the tag of one variant does not validate another', async () => {
  const { headers } = await get()
  const etag = String(headers.etag)
  assert.equal((await get({ 'if-none-match': etag, 'accept-encoding': 'gzip' })).status, 200)
  assert.equal((await get({ 'if-none-match': etag, accept: 'application/vnd.pypi.simple.v1+json' })).status, 200)
})
