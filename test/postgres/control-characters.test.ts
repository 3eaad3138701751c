import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { JSON_PAGE, ask, basic, startIndex } from '../conformance/index-under-test.ts'
import type { Answer, IndexUnderTest } from '../conformance/index-under-test.ts'
import { buildWheel } from '../support/python-projects.ts'
import { uploadForm } from '../support/upload-form.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

/** PostgreSQL takes no NUL, neither to store nor to compare with: whatever comes from outside is asked before it gets there. */
describe('FUZZ: a NUL on PostgreSQL is nobody’s 500', () => {
  let postgres: PostgresServer
  let upstream: Simulator
  let index: IndexUnderTest
  const internal = buildWheel({ name: 'internal', version: '1.0' })

  before(async () => {
    postgres = await startEmbeddedPostgres()
    upstream = await startSimulator()
    index = await startIndex({
      upstreams: { upstream },
      database: { kind: 'postgres', url: await postgres.createDatabase() },
    })
    assert.equal((await index.upload(internal)).status, 200)
  })
  after(async () => {
    await index?.[Symbol.asyncDispose]()
    await upstream?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
  })

  const login = (text: string): Promise<Answer> =>
    ask(`${index.url}/api/v1/tokens`, {
      headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
    })

  it('in credentials', async () => {
    for (const text of ['a\0b:password', '\0:\0', 'alice:pass\0word', '__token__:\0', '__token__:wax_\0']) {
      assert.equal((await login(text)).status, 401, JSON.stringify(text))
    }
  })

  for (const format of ['json', 'html'] as const) {
    it(`in an upstream’s page in ${format}: the file stays, the NUL goes`, async () => {
      const file = buildWheel({ name: `demo-${format}`, version: '1.0' })
      const yanked = format === 'json' ? 'a\0b' : 'a\u001b\u0007b'
      const reason = format === 'json' ? '\0gone\u009b' : '\u0007gone\u009b'
      upstream.addProject({
        name: file.name,
        formats: format,
        status: { status: 'archived', reason },
        files: [{ filename: file.filename, bytes: file.bytes, yanked, requiresPython: '>=3.8\0' }],
      })
      const page = await index.page(file.name)
      assert.deepEqual(
        page.files.map((entry) => [entry.filename, entry.yanked, entry['requires-python']]),
        [[file.filename, 'a b', undefined]],
      )
      assert.deepEqual(page['project-status'], { status: 'archived', reason: 'gone' })
      assert.equal((await ask(index.fileUrl(file))).status, 200)
    })
  }

  it('in the fields of an upload', async () => {
    const file = buildWheel({ name: 'internal', version: '2.0' })
    for (const field of ['comment', 'pyversion', 'summary', 'author', 'name', 'version', 'md5_digest', 'filetype']) {
      const form = uploadForm(file)
      form.set(field, 'a\0b')
      const encoded = new Response(form)
      const answer = await ask(`${index.url}/legacy/`, {
        method: 'POST',
        headers: { ...basic(index.admin), 'content-type': encoded.headers.get('content-type') ?? '' },
        body: Buffer.from(await encoded.arrayBuffer()),
      })
      assert.ok(answer.status < 500, `${field}: ${answer.text}`)
    }
  })

  it('in an address', async () => {
    for (const path of [
      '/simple/a%00b/',
      `/files/internal/${internal.sha256}/a%00.whl`,
      '/files/internal/%00/a.whl',
      '/pypi/internal/1%000/json',
      '/why/internal/%00',
      '/api/v1/projects/%00',
      '/api/v1/projects/internal/releases/%00/yank',
    ]) {
      for (const [method, address] of [
        ['GET', path],
        ['DELETE', path],
        // Decoded once, so that a NUL encoded twice is six harmless letters.
        ['GET', path.replace('%00', '%2500')],
        ['DELETE', path.replace('%00', '%2500')],
      ] as const) {
        const answer = await ask(`${index.url}${address}`, { method, headers: { ...JSON_PAGE, ...basic(index.admin) } })
        assert.ok(answer.status < 500, `${method} ${address}: ${answer.status} ${answer.text}`)
      }
    }
  })

  it('in a management request', async () => {
    const requests: readonly (readonly [string, string, object])[] = [
      ['PUT', '/projects/internal/status', { status: 'active', reason: 'a\0b' }],
      ['PUT', '/projects/internal/releases/1.0/yank', { reason: '\0' }],
      ['PUT', '/projects/internal/releases/1.0/yank', { filename: 'a\0b' }],
      ['POST', '/tokens', { scope: 'read', label: '\0' }],
      ['POST', '/tokens', { scope: 'read', user: 'a\0b' }],
      ['POST', '/tokens', { scope: 'read', project: 'a\0b' }],
      ['POST', '/users', { name: 'a\0b' }],
      ['POST', '/users', { name: 'alice', password: 'correct horse\0battery' }],
    ]
    for (const [method, path, body] of requests) {
      const answer = await index.manage(method, path, body)
      assert.equal(answer.status, 400, `${path} ${JSON.stringify(body)}: ${answer.text}`)
    }
  })

  it('or anything else in these tests: the log of failures stays empty', () => {
    assert.deepEqual(index.logged, [])
  })
})
