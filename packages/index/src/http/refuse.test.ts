import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage, type RequestOptions, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { refuseRead, refuseSimple, refuseUpload, type Refusal } from './refuse.ts'

interface Answer {
  readonly res: IncomingMessage
  readonly body: string
}

let server: Server
let answer: Parameters<typeof createServer>[1] = () => {}
before(async () => {
  server = createServer((req, res) => answer?.(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(() => server.close())

async function refused(refuse: typeof refuseRead, refusal: Refusal, options: RequestOptions = {}): Promise<Answer> {
  answer = (req, res) => refuse(res, req, refusal)
  const { port } = server.address() as AddressInfo
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false, ...options }, resolve)
      .on('error', reject)
      .end()
  })
  return { res, body: await text(res) }
}

const withheld: Refusal = {
  code: 'file-withheld',
  detail: 'demo 2.0 is withheld \u2014 3 days\r\nold',
  whyUrl: '../../../why/demo/2.0?x=<"\u00E9',
}

test('a read is refused by reason phrase and problem document, never cached (behaviour.md 7.3.7; CACHE-POIS)', async () => {
  const { res, body } = await refused(refuseRead, withheld, { path: '/files/demo/00/demo-2.0.whl' })
  assert.equal(res.statusCode, 403)
  assert.equal(res.statusMessage, 'demo 2.0 is withheld - 3 days old')
  assert.equal(res.headers['content-type'], 'application/problem+json')
  assert.equal(res.headers['cache-control'], 'no-store')
  assert.equal(res.headers.link, '<../../../why/demo/2.0?x=%3C%22%C3%A9>; rel="help"')
  assert.deepEqual(JSON.parse(body), {
    type: '../../../docs/errors/file-withheld',
    title: 'The file is withheld',
    status: 403,
    detail: withheld.detail,
    code: 'file-withheld',
    why: withheld.whyUrl,
  })
})

test('HEAD gets the headers of GET and no body', async () => {
  const get = await refused(refuseRead, withheld)
  const head = await refused(refuseRead, withheld, { method: 'HEAD' })
  assert.equal(head.body, '')
  assert.equal(head.res.statusMessage, get.res.statusMessage)
  assert.deepEqual({ ...head.res.headers, date: '' }, { ...get.res.headers, date: '' })
})

test('without a detail the catalogue speaks', async () => {
  const { res, body } = await refused(refuseRead, { code: 'too-busy', retryAfter: 1.2 })
  assert.match(res.statusMessage ?? '', /^The server is too busy\. Wait/)
  assert.equal(res.headers['retry-after'], '2')
  assert.match(String(JSON.parse(body).detail), /^The server is too busy\. Wait/)
})

test('a 401 carries a challenge, a 405 its methods', async () => {
  const basic = await refused(refuseRead, { code: 'unauthorized' })
  assert.equal(basic.res.headers['www-authenticate'], 'Basic realm="waxseal", charset="UTF-8"')
  const own = await refused(refuseRead, { code: 'invalid-credentials', challenge: 'Bearer' })
  assert.equal(own.res.headers['www-authenticate'], 'Bearer')
  const method = await refused(refuseRead, { code: 'method-not-allowed', allow: ['GET', 'HEAD'] })
  assert.equal(method.res.headers.allow, 'GET, HEAD')
})

test('under /simple/ the refusal is plain text, and a problem document for a client that speaks JSON', async () => {
  const refusal: Refusal = { code: 'not-found', detail: 'No project nope.', whyUrl: '../../why/nope' }
  const plain = await refused(refuseSimple, refusal, { path: '/simple/nope/' })
  assert.equal(plain.res.statusCode, 404)
  assert.equal(plain.res.headers['content-type'], 'text/plain; charset=UTF-8')
  assert.equal(plain.body, '404 Not Found\nNo project nope.\nSee ../../why/nope\n')
  const headers = { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.1' }
  const problem = await refused(refuseSimple, refusal, { path: '/simple/nope/', headers })
  assert.equal(problem.res.headers['content-type'], 'application/problem+json')
})

test('an upload is refused in the words that twine and uv show (behaviour.md 1.2, 1.8, 7.3.9)', async () => {
  const detail = "File already exists ('demo-1.0.tar.gz', with blake2_256 hash '00')."
  for (const accept of [undefined, '*/*', 'application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7', 'image/png']) {
    const headers = accept === undefined ? {} : { accept }
    const { res, body } = await refused(
      refuseUpload,
      { code: 'upload-file-exists', detail },
      { headers, method: 'POST' },
    )
    assert.equal(res.statusCode, 400)
    assert.equal(res.statusMessage, detail)
    assert.equal(res.headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(body), {
      code: `400 ${detail}`,
      message: detail,
      title: 'File already exists',
      reason: 'upload-file-exists',
    })
  }
})

test('API-HTML: a client that excludes JSON gets text or escaped HTML in which nothing can run', async () => {
  const refusal: Refusal = { code: 'upload-filename-invalid', detail: '"><script>alert(1)</script>\'&' }
  const plain = await refused(refuseUpload, refusal, { headers: { accept: 'text/plain, text/html;q=0.5' } })
  assert.equal(plain.body, `400 ${refusal.detail}\n`)
  const html = await refused(refuseUpload, refusal, { headers: { accept: 'text/html' } })
  assert.equal(html.body, '<!DOCTYPE html>\n<p>400 &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;</p>\n')
  for (const { res } of [plain, html]) {
    assert.match(String(res.headers['content-security-policy']), /^default-src 'none'/)
    assert.equal(res.headers['x-content-type-options'], 'nosniff')
  }
})

test('a slash-less upload address gets a 308 whose reason says what to change', async () => {
  const refusal: Refusal = { code: 'upload-slash', location: '/legacy/' }
  const { res } = await refused(refuseUpload, refusal, { path: '/legacy', method: 'POST' })
  assert.equal(res.statusCode, 308)
  assert.equal(res.headers.location, '/legacy/')
  assert.match(res.statusMessage ?? '', /trailing slash/)
})

test('hostile text in every channel becomes harmless text, never a failure', async () => {
  for (const detail of ['\r\n\r\n<h1>', '\u{1F600}'.repeat(3_000), '\uD800', '\u0000', '\u202E']) {
    for (const refuse of [refuseRead, refuseSimple, refuseUpload]) {
      const { res, body } = await refused(refuse, {
        code: 'bad-request',
        detail,
        whyUrl: `x>\r\n${detail.slice(0, 9)}`,
      })
      assert.equal(res.statusCode, 400)
      assert.ok((res.statusMessage ?? '').length > 0 && (res.statusMessage ?? '').length <= 480)
      assert.ok(body.length < 5_000)
    }
  }
})

test('a refusal after the headers cuts the answer off: the client must not take it for complete', async () => {
  await assert.rejects(
    refused(
      (res, req, refusal) => {
        res.writeHead(200, ['Content-Length', '100'])
        res.write('half')
        refuseRead(res, req, refusal)
      },
      { code: 'upstream-file-changed' },
    ),
  )
})
