import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

const IMMUTABLE = 'max-age=365000000, immutable'
const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync }

interface Meta {
  readonly signed: { readonly meta: Readonly<Record<string, { readonly version: number }>> }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** Addresses of what is signed of one project, newest. */
async function addressesOf(server: RunningServer, project: string, token = server.token): Promise<readonly string[]> {
  const document = async (path: string): Promise<Meta> =>
    JSON.parse((await ask(`${server.url}/tuf/${path}`, bearer(token))).body.toString()) as Meta
  const snapshot = (await document('timestamp.json')).signed.meta['snapshot.json']?.version
  const { meta } = (await document(`${snapshot}.snapshot.json`)).signed
  const accept = 'application/vnd.pypi.simple.v1+json'
  const page = await ask(`${server.url}/simple/${project}/`, {
    headers: { accept, authorization: `Bearer ${server.token}` },
  })
  return [
    '1.root.json',
    `${snapshot}.snapshot.json`,
    `${meta['targets.json']?.version}.targets.json`,
    `${meta['bins.json']?.version}.bins.json`,
    `${meta['sealed-00.json']?.version}.sealed-00.json`,
    `targets/simple/${project}/${sha256(page.body)}.index.json`,
  ]
}

describe('/tuf/', () => {
  const parts = new AsyncDisposableStack()
  let server: RunningServer
  let addresses: readonly string[]
  const get = (path: string, options = {}): Promise<Reply> => ask(`${server.url}/tuf/${path}`, options)

  before(async () => {
    server = parts.use(await startWaxseal({ args: ['--no-upstream'] }))
    assert.equal((await uploadFile(server, buildWheel({ name: 'acme', version: '1.0' }))).status, 200)
    addresses = await addressesOf(server, 'acme')
  })
  after(() => parts.disposeAsync())

  it('answers with whole, immutable JSON that any cache may keep, and not with the timestamp, which none may', async () => {
    for (const path of addresses) {
      const { status, headers, body } = await get(path)
      assert.deepEqual([status, headers['content-type']], [200, 'application/json'], path)
      assert.equal(headers['cache-control'], `public, ${IMMUTABLE}`, path)
      assert.equal(headers['content-length'], String(body.length), path)
      assert.match(String(headers['vary']), /accept-encoding/i, path)
      JSON.parse(body.toString())
    }
    const timestamp = await get('timestamp.json')
    assert.equal(timestamp.status, 200)
    assert.match(String(timestamp.headers['cache-control']), /no-cache|max-age=0/)
    assert.doesNotMatch(String(timestamp.headers['cache-control']), /immutable/)
  })

  it('has each in the encodings that are asked for, and says 304 to who has it', async () => {
    for (const path of [...addresses, 'timestamp.json']) {
      const plain = await get(path)
      for (const [encoding, decode] of Object.entries(DECODERS)) {
        const encoded = await get(path, { headers: { 'accept-encoding': encoding } })
        const given = encoded.headers['content-encoding']
        // What is so small that it would only grow stays as it is.
        if (given === undefined) assert.ok(encoded.body.equals(plain.body), path)
        else {
          assert.equal(given, encoding, path)
          assert.ok(decode(encoded.body).equals(plain.body), `${path} in ${encoding}`)
        }
        const again = await get(path, {
          headers: { 'accept-encoding': encoding, 'if-none-match': String(encoded.headers.etag) },
        })
        assert.deepEqual([again.status, again.body.length], [304, 0], path)
        assert.equal(again.headers['cache-control'], encoded.headers['cache-control'], path)
      }
    }
    const snapshot = addresses.find((path) => path.endsWith('snapshot.json')) ?? ''
    const { headers } = await get(snapshot, { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(headers['content-encoding'], 'gzip', 'it is long')
  })

  it('answers HEAD as GET without the body, and nothing else', async () => {
    for (const path of [...addresses, 'timestamp.json']) {
      const [head, whole] = [await get(path, { method: 'HEAD' }), await get(path)]
      assert.deepEqual([head.status, head.body.length], [200, 0], path)
      for (const name of ['content-length', 'etag', 'content-type', 'cache-control']) {
        assert.equal(head.headers[name], whole.headers[name], `${name} of ${path}`)
      }
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const refused = await get(path, { method })
        assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD'], `${method} ${path}`)
      }
    }
  })

  it('has no other address, and no cache keeps that', async () => {
    const page = addresses.at(-1) ?? ''
    const absent = [
      '',
      'root.json',
      'snapshot.json',
      '2.root.json',
      '0.root.json',
      '01.root.json',
      '1e0.root.json',
      '99999999999999999999.root.json',
      '9007199254740993.root.json',
      '1.timestamp.json',
      '1.root.json/',
      '1.root.json/x',
      '1.%72oot.jso',
      '1..json',
      '1.../../root.json',
      '..%2f1.root.json',
      '1.root.json%00',
      '1.nothing.json',
      '1.__proto__.json',
      'targets/',
      'targets/simple/acme/index.json',
      page.replace(/[\da-f]{64}/, '0'.repeat(64)),
      page.replace('acme', 'other'),
      page.replace('acme', 'ACME'),
      page.replace('/acme/', '/acme/../acme/'),
      page.replace('.index.json', '.index.html'),
      page.replace('simple/acme', 'simple'),
      'targets/projects/zz/acme/x.whl',
    ]
    for (const path of absent) {
      const { status, headers, body } = await get(path)
      assert.equal(status, /\/\.\.\/|%2f|%00/.test(path) ? 400 : 404, path)
      assert.match(String(headers['cache-control']), /no-store|no-cache/, path)
      assert.ok(body.length < 2000, path)
    }
  })
})

describe('/tuf/ of an index whose reading needs a token', () => {
  it('gives metadata to who may read anything, a page to who may read its project, and nothing to others', async () => {
    await using server = await startWaxseal({ args: ['--no-upstream', '--private'] })
    assert.equal((await uploadFile(server, buildWheel({ name: 'acme', version: '1.0' }))).status, 200)
    const addresses = await addressesOf(server, 'acme')
    const page = addresses.at(-1) ?? ''
    const reader = await server.createToken({ scope: 'read' })
    const limited = await server.createToken({ scope: 'read', project: 'acme', user: 'limited' })
    const elsewhere = await server.createToken({ scope: 'read', project: 'other', user: 'elsewhere' })
    const status = async (path: string, token?: string): Promise<number> =>
      (await ask(`${server.url}/tuf/${path}`, token === undefined ? {} : bearer(token))).status
    for (const path of [...addresses, 'timestamp.json', '1.nothing.json', page.replace('acme', 'secret')]) {
      const anonymous = await ask(`${server.url}/tuf/${path}`)
      assert.equal(anonymous.status, 401, path)
      assert.ok(anonymous.headers['www-authenticate'] !== undefined, path)
      assert.equal(await status(path, 'not-a-token'), 401, path)
    }
    for (const path of [...addresses, 'timestamp.json']) {
      const { status: found, headers } = await ask(`${server.url}/tuf/${path}`, bearer(reader))
      assert.equal(found, 200, path)
      if (path !== 'timestamp.json') assert.equal(headers['cache-control'], `private, ${IMMUTABLE}`, path)
      // Nothing can be verified without it; that it names other projects too is said in docs/trust.md.
      if (path !== page)
        assert.deepEqual([await status(path, limited), await status(path, elsewhere)], [200, 200], path)
    }
    assert.equal(await status(page, limited), 200)
    assert.equal(await status(page, elsewhere), 403)
  })
})
