import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { serveDocs } from './docs-route.ts'
import { DocsSite } from './docs-site.ts'
import { ownFolder } from '../own-files.ts'
import { parseTarget } from './path.ts'

const cleanup = new AsyncDisposableStack()
after(() => cleanup.disposeAsync())

/** A server that has nothing but the documentation in `folder`. */
async function serve(folder: string): Promise<string> {
  const site = await DocsSite.open(ownFolder(folder))
  const server = createServer((req, res) => {
    const path = parseTarget(req.url ?? '/')
    if (path.kind === 'refused') res.writeHead(400).end()
    else void serveDocs(site, { req, res, path })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cleanup.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

let built: string
let unbuilt: string
before(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'waxseal-docs-'))
  cleanup.defer(() => rm(scratch, { recursive: true }))
  const site = join(scratch, 'site')
  await mkdir(join(site, 'errors'), { recursive: true })
  await writeFile(join(scratch, 'secret.html'), 'secret')
  await writeFile(join(site, 'index.html'), '<!doctype html>the first page')
  await writeFile(join(site, 'style.css'), 'body {}')
  await writeFile(join(site, 'notes.pem'), 'secret')
  await writeFile(join(site, 'errors/index.html'), 'all refusals')
  await writeFile(join(site, 'errors/not-found.html'), 'the page of the site')
  await symlink(join(scratch, 'secret.html'), join(site, 'link.html'))
  built = await serve(site)
  unbuilt = await serve(join(scratch, 'nothing'))
})

const get = (url: string, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init })

test('a page has its type, a strong tag, and a policy that lets nothing in from elsewhere', async () => {
  const response = await get(`${built}/docs/`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'; .*frame-ancestors 'none'$/)
  assert.doesNotMatch(response.headers.get('content-security-policy') ?? '', /unsafe|\*|https?:/)
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  const etag = response.headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]{43}"$/)
  assert.match(await response.text(), /the first page/)
  const again = await get(`${built}/docs/`, { headers: { 'if-none-match': etag } })
  assert.equal(again.status, 304)
  assert.equal((await get(`${built}/docs/style.css`)).headers.get('content-type'), 'text/css; charset=utf-8')
})

test('HEAD says what GET says, without the body; other methods are refused', async () => {
  const head = await get(`${built}/docs/style.css`, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), '7')
  assert.equal(await head.text(), '')
  const post = await get(`${built}/docs/`, { method: 'POST' })
  assert.equal(post.status, 405)
  assert.equal(post.headers.get('allow'), 'GET, HEAD')
})

test('folders end with a slash and pages do not, so that relative links hold', async () => {
  const redirects = [
    ['/docs', '/docs/'],
    ['/docs/errors', '/docs/errors/'],
    ['/docs/errors/not-found/', '/docs/errors/not-found'],
    ['//docs//style.css/', '/docs/style.css'],
  ] as const
  for (const [from, to] of redirects) {
    const response = await get(`${built}${from}`)
    assert.equal(response.status, 302, from)
    const location = response.headers.get('location') ?? ''
    assert.doesNotMatch(location, /^(?:\/|[a-z]+:)/, 'a prefix of a proxy would be lost')
    assert.equal(new URL(location, `${built}${from}`).pathname, to)
  }
})

test('FN-PATH nothing outside of the listed files is served, however the address is spelled', async () => {
  const port = Number(new URL(built).port)
  const targets = [
    '/docs/../secret.html',
    '/docs/%2e%2e/secret.html',
    '/docs/..%2fsecret.html',
    '/docs/errors/../../secret.html',
    '/docs/errors%2f..%2f..%2fsecret.html',
    '/docs/link.html',
    '/docs/notes.pem',
    '/docs/__proto__',
    '/docs/constructor',
    '/docs/index.html%00.css',
  ]
  for (const target of targets) {
    const answer = await new Promise<string>((done, fail) => {
      let text = ''
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      )
      socket.setEncoding('utf8').on('data', (part: string) => (text += part))
      socket.on('end', () => done(text)).on('error', fail)
    })
    assert.match(answer, /^HTTP\/1\.1 40[04] /, target)
    assert.doesNotMatch(answer, /secret$/, target)
  }
})

test('the address that a refusal gives is answered by the site, and from the catalogue without one', async () => {
  assert.equal(await (await get(`${built}/docs/errors/not-found`)).text(), 'the page of the site')
  for (const origin of [built, unbuilt]) {
    const response = await get(`${origin}/docs/errors/file-withheld`)
    assert.equal(response.status, 200)
    assert.match(await response.text(), /The file is withheld/)
  }
})

test('a page that is not there is a 404 that leads back; without a site, the first page says how to build it', async () => {
  const missing = await get(`${built}/docs/a/b`)
  assert.equal(missing.status, 404)
  assert.match(await missing.text(), /href="\.\.\/\.\.\/docs\/"/)
  const response = await get(`${unbuilt}/docs/`)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /npm run docs/)
  assert.equal((await get(`${unbuilt}/docs/clients`)).status, 404)
})
