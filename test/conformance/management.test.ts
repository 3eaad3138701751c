import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MANAGEMENT_ROUTES } from '../../packages/index/src/http/management-routes.ts'
import { buildWheel } from '../support/python-projects.ts'
import { START, ask, basic, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'

/** `/api/v1/`: who may do what, what it does, and what it says to requests that are wrong. */

type Who = 'anonymous' | 'read' | 'upload' | 'limited' | 'limited-elsewhere' | 'admin'
const EVERYBODY: readonly Who[] = ['anonymous', 'read', 'upload', 'limited', 'limited-elsewhere', 'admin']
const SIGNED_IN = EVERYBODY.filter((who) => who !== 'anonymous')
const PROJECT_ADMINS: readonly Who[] = ['limited', 'admin']
const ADMIN: readonly Who[] = ['admin']

interface Expectation {
  readonly path: string
  readonly body?: unknown
  readonly allowed: readonly Who[]
  /** Where reading is private and it makes a difference. */
  readonly allowedPrivately?: readonly Who[]
}

/** `limited` is an administrator's token for demo only, `limited-elsewhere` one for another project. */
const EXPECTED: ReadonlyMap<string, Expectation> = new Map([
  [
    'GET /projects/{project}',
    {
      path: '/projects/Demo',
      allowed: EVERYBODY,
      allowedPrivately: ['read', 'upload', 'limited', 'admin'],
    },
  ],
  ['GET /projects/{project}/claim', { path: '/projects/demo/claim', allowed: ADMIN }],
  ['POST /projects/{project}/claim', { path: '/projects/fresh/claim', allowed: ADMIN }],
  [
    'PUT /projects/{project}/status',
    { path: '/projects/demo/status', body: { status: 'active' }, allowed: PROJECT_ADMINS },
  ],
  ['DELETE /projects/{project}', { path: '/projects/demo', allowed: PROJECT_ADMINS }],
  [
    'PUT /projects/{project}/releases/{version}/yank',
    { path: '/projects/demo/releases/1.0/yank', body: {}, allowed: PROJECT_ADMINS },
  ],
  [
    'DELETE /projects/{project}/releases/{version}/yank',
    { path: '/projects/demo/releases/1.0/yank', allowed: PROJECT_ADMINS },
  ],
  ['DELETE /projects/{project}/releases/{version}', { path: '/projects/demo/releases/1.0', allowed: PROJECT_ADMINS }],
  [
    'DELETE /projects/{project}/files/{filename}',
    { path: '/projects/demo/files/demo-1.0-py3-none-any.whl', allowed: PROJECT_ADMINS },
  ],
  [
    'GET /projects/{project}/members',
    {
      path: '/projects/demo/members',
      allowed: SIGNED_IN,
      allowedPrivately: ['read', 'upload', 'limited', 'admin'],
    },
  ],
  [
    'PUT /projects/{project}/members/{holder}',
    { path: '/projects/demo/members/nobody-here', body: { role: 'maintainer' }, allowed: PROJECT_ADMINS },
  ],
  [
    'DELETE /projects/{project}/members/{holder}',
    { path: '/projects/demo/members/team:nobody-here', allowed: PROJECT_ADMINS },
  ],
  ['GET /transfers', { path: '/transfers', allowed: SIGNED_IN }],
  [
    'POST /projects/{project}/transfer',
    { path: '/projects/demo/transfer', body: { to: 'nobody-here' }, allowed: PROJECT_ADMINS },
  ],
  [
    'PUT /projects/{project}/transfer',
    { path: '/projects/demo/transfer', body: { answer: 'declined' }, allowed: PROJECT_ADMINS },
  ],
  ['GET /teams', { path: '/teams', allowed: SIGNED_IN }],
  ['PUT /teams/{team}', { path: '/teams/core', allowed: ADMIN }],
  ['DELETE /teams/{team}', { path: '/teams/nobody-here', allowed: ADMIN }],
  ['PUT /teams/{team}/members/{user}', { path: '/teams/core/members/nobody-here', allowed: ADMIN }],
  ['DELETE /teams/{team}/members/{user}', { path: '/teams/core/members/nobody-here', allowed: ADMIN }],
  ['GET /denials', { path: '/denials', allowed: ADMIN }],
  [
    'POST /denials',
    { path: '/denials', body: { project: 'other', overlay: 'blocked', reason: 'a worm' }, allowed: ADMIN },
  ],
  ['POST /denials/{n}/lift', { path: '/denials/999/lift', body: { reason: 'harmless' }, allowed: ADMIN }],
  ['GET /projects/{project}/approvals', { path: '/projects/demo/approvals', allowed: ADMIN }],
  [
    'POST /projects/{project}/approvals',
    { path: '/projects/nobodys/approvals', body: { sha256s: ['0'.repeat(64)] }, allowed: ADMIN },
  ],
  [
    'POST /projects/{project}/approvals/withdraw',
    { path: '/projects/demo/approvals/withdraw', body: { sha256s: ['0'.repeat(64)] }, allowed: ADMIN },
  ],
  [
    'PUT /projects/{project}/merge',
    {
      path: '/projects/nobodys/merge',
      body: { owner: 'local', extender: 'none', extend: 'platform-wheels', reason: 'wheels for ARM' },
      allowed: ADMIN,
    },
  ],
  [
    'POST /projects/{project}/unmerge',
    { path: '/projects/demo/unmerge', body: { reason: 'not needed' }, allowed: ADMIN },
  ],
  [
    'POST /requests',
    {
      path: '/requests',
      body: { project: 'demo' },
      allowed: EVERYBODY,
      allowedPrivately: ['read', 'upload', 'limited', 'admin'],
    },
  ],
  ['GET /requests', { path: '/requests', allowed: SIGNED_IN }],
  ['GET /requests/{id}', { path: '/requests/999', allowed: SIGNED_IN }],
  [
    'POST /requests/{id}/answer',
    { path: '/requests/999/answer', body: { decline: true, reason: 'no' }, allowed: SIGNED_IN },
  ],
  ['GET /tokens', { path: '/tokens', allowed: SIGNED_IN }],
  // All of these come with a token, and a token makes no other one (TOK-1).
  ['POST /tokens', { path: '/tokens', body: { scope: 'read' }, allowed: ADMIN }],
  ['DELETE /tokens/{id}', { path: '/tokens/no-such-token', allowed: SIGNED_IN }],
  ['GET /users', { path: '/users', allowed: ADMIN }],
  ['GET /audit', { path: '/audit', allowed: ADMIN }],
  ['POST /users', { path: '/users', body: { name: 'somebody' }, allowed: ADMIN }],
  ['GET /namespaces', { path: '/namespaces', allowed: EVERYBODY, allowedPrivately: ['read', 'upload', 'admin'] }],
  ['POST /namespaces', { path: '/namespaces', body: { name: 'acme', owner: 'operator' }, allowed: ADMIN }],
  [
    'GET /namespaces/{namespace}',
    { path: '/namespaces/acme', allowed: EVERYBODY, allowedPrivately: ['read', 'upload', 'admin'] },
  ],
  ['GET /namespaces/{namespace}/effect', { path: '/namespaces/acme/effect', allowed: ADMIN }],
  ['PUT /namespaces/{namespace}', { path: '/namespaces/acme', body: { visibility: 'private' }, allowed: ADMIN }],
  ['DELETE /namespaces/{namespace}', { path: '/namespaces/acme', allowed: ADMIN }],
  ['PUT /users/{name}/disabled', { path: '/users/nobody-here/disabled', body: { disabled: true }, allowed: ADMIN }],
])

for (const reading of ['public', 'private'] as const) {
  describe(`permissions where reading is ${reading}`, () => {
    let index: IndexUnderTest
    const tokens = new Map<Who, string | undefined>([['anonymous', undefined]])
    before(async () => {
      index = await startIndex({ reading })
      tokens.set('read', await index.token('read'))
      tokens.set('upload', await index.token('upload'))
      tokens.set('limited', await index.token('admin', 'demo'))
      tokens.set('limited-elsewhere', await index.token('admin', 'other'))
      tokens.set('admin', index.admin)
      for (const name of ['demo', 'other']) {
        assert.equal((await index.upload(buildWheel({ name, version: '1.0' }))).status, 200)
      }
    })
    after(() => index[Symbol.asyncDispose]())

    for (const route of MANAGEMENT_ROUTES) {
      const key = `${route.method} ${route.path}`
      const expected = EXPECTED.get(key)
      for (const who of EVERYBODY) {
        it(`${key} by ${who}`, async () => {
          assert.ok(expected, 'every route has its row in this test')
          const { path, body } = expected
          const allowed = (reading === 'private' ? expected.allowedPrivately : undefined) ?? expected.allowed
          const token = tokens.get(who)
          const answer = await ask(`${index.url}/api/v1${path}`, {
            method: route.method,
            headers: {
              ...(token === undefined ? {} : basic(token)),
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          })
          if (allowed.includes(who)) return assert.ok([200, 201, 400, 404, 409].includes(answer.status), answer.text)
          assert.equal(answer.status, who === 'anonymous' ? 401 : 403, answer.text)
          assert.equal(answer.headers['content-type'], 'application/problem+json')
          assert.equal(answer.headers['www-authenticate'] !== undefined, who === 'anonymous')
        })
      }
    }
  })
}

describe('the OpenAPI document', () => {
  let document: Record<string, unknown>
  let index: IndexUnderTest
  before(async () => {
    index = await startIndex()
    document = (await ask(`${index.url}/api/v1/openapi.json`)).json() as Record<string, unknown>
  })
  after(() => index[Symbol.asyncDispose]())

  interface Operation {
    readonly operationId: string
    readonly summary: string
    readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
    readonly requestBody?: { readonly content: Record<string, { readonly schema: unknown }> }
    readonly responses: Record<string, { readonly description: string }>
  }
  const operations = (): readonly (readonly [string, Operation])[] =>
    Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    )

  it('is version 3.1 and holds every route and no other', () => {
    assert.match(String(document['openapi']), /^3\.1\./)
    const routes = ['GET /events', 'GET /status', ...MANAGEMENT_ROUTES.map(({ method, path }) => `${method} ${path}`)]
    assert.deepEqual(
      operations()
        .map(([key]) => key)
        .toSorted(),
      routes.toSorted(),
    )
  })

  it('is sound: ids are unique, path parameters are those of the path, references resolve', () => {
    const ids = operations().map(([, { operationId }]) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const [key, operation] of operations()) {
      const inPath = [...key.matchAll(/\{([a-z]+)\}/g)].map(([, name = '']) => name)
      const { path = [], others = [] } = Object.groupBy(operation.parameters ?? [], (parameter) =>
        parameter.in === 'path' ? 'path' : 'others',
      )
      assert.deepEqual(path.map(({ name }) => name).toSorted(), inPath.toSorted(), key)
      assert.ok(path.every(({ required }) => required))
      assert.ok(
        others.every(({ in: place }) => place === 'query' || place === 'header'),
        key,
      )
      assert.ok(operation.summary.length > 0)
      assert.ok(Object.values(operation.responses).every(({ description }) => description.length > 0))
    }
    const text = JSON.stringify(document)
    for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(name in (document['components'] as { schemas: object }).schemas, name)
    }
    assert.equal((document['servers'] as { url: string }[])[0]?.url, './')
  })
})

describe('requests that are wrong', () => {
  let index: IndexUnderTest
  before(async () => {
    index = await startIndex()
    assert.equal((await index.upload(buildWheel({ name: 'demo', version: '1.0' }))).status, 200)
  })
  after(() => index[Symbol.asyncDispose]())

  const send = (path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(`${index.url}/api/v1${path}`, {
      method: 'PUT',
      headers: { ...basic(index.admin), 'content-type': 'application/json', ...headers },
      body,
    })

  const cases: readonly (readonly [string, string, string, number, RegExp])[] = [
    ['broken JSON', '/projects/demo/status', '{"status":', 400, /^The body is not JSON\.$/],
    [
      'a wrong value',
      '/projects/demo/status',
      '{"status":"gone"}',
      400,
      /^The field 'status' of the body is not valid: /,
    ],
    ['an unknown field', '/projects/demo/status', '{"status":"active","x":1}', 400, /not known here: 'x'\.$/],
    ['a prototype', '/projects/demo/status', '{"status":"active","__proto__":{"admin":true}}', 400, /__proto__/],
    ['nothing', '/projects/demo/status', '', 400, /^The body is not valid/],
    [
      'a reason with a line end',
      '/projects/demo/status',
      '{"status":"active","reason":"a\\nb"}',
      400,
      /one line of text/,
    ],
    [
      'a reason with a NUL',
      '/projects/demo/releases/1.0/yank',
      '{"reason":"a\\u0000b"}',
      400,
      /^The field 'reason' of the body is not valid: must be one line of text without control characters\.$/,
    ],
    [
      'a file name with half a character',
      '/projects/demo/releases/1.0/yank',
      '{"filename":"a\\ud800"}',
      400,
      /one line/,
    ],
    ['an invalid name', '/projects/-demo-/status', '{"status":"active"}', 400, /^The field 'project' of the address/],
    ['an unknown project', '/projects/nothing/status', '{"status":"active"}', 404, /^There is no project 'nothing'\.$/],
    ['an unknown release', '/projects/demo/releases/9.9/yank', '{}', 404, /has no release '9\.9'/],
    ['a version that is none', '/projects/demo/releases/abc/yank', '{}', 400, /not a version/],
    ['a body without end', '/projects/demo/status', `{"reason":"${'x'.repeat(1_200_000)}"}`, 413, /too large/],
  ]
  for (const [title, path, body, status, sentence] of cases) {
    it(`${title}: ${status}, one plain sentence, never cached`, async () => {
      const answer = await send(path, body)
      assert.equal(answer.status, status, answer.text)
      assert.deepEqual(
        [answer.headers['content-type'], answer.headers['cache-control']],
        ['application/problem+json', 'no-store'],
      )
      const { detail } = answer.json() as { detail: string }
      assert.match(detail, sentence)
      assert.doesNotMatch(detail, /[\n✖]/)
    })
  }

  it('a body of another type is 415, so that no form of another site gets through (CSRF)', async () => {
    assert.equal(
      (await send('/projects/demo/status', '{"status":"archived"}', { 'content-type': 'text/plain' })).status,
      415,
    )
    assert.equal(
      (await send('/projects/demo/status', '{"status":"archived"}', { 'sec-fetch-site': 'cross-site' })).status,
      403,
    )
    assert.equal((await index.page('demo'))['project-status'].status, 'active')
  })

  it('an unknown route or method is 404', async () => {
    assert.equal((await index.manage('GET', '/nothing')).status, 404)
    assert.equal((await index.manage('POST', '/projects/demo')).status, 404)
  })

  it('wrong credentials are one 401 for all, whatever is asked', async () => {
    const answers = await Promise.all(
      ['/projects/demo', '/projects/nothing', '/tokens'].map((path) => index.manage('GET', path, undefined, 'wrong')),
    )
    assert.deepEqual(
      new Set(answers.map(({ status, text }) => `${status} ${text.replace(/"type":"[^"]+"/, '')}`)).size,
      1,
    )
    assert.equal(answers[0]?.status, 401)
  })
})

describe('whoever makes a token', () => {
  let index: IndexUnderTest
  before(async () => {
    index = await startIndex()
  })
  after(() => index[Symbol.asyncDispose]())

  it('TOK-1: has signed in with a password: a token that expires leaves none behind that does not', async () => {
    const password = 'correct horse battery'
    assert.equal((await index.manage('POST', '/users', { name: 'dave', password })).status, 201)
    const asDave = { authorization: `Basic ${Buffer.from(`dave:${password}`).toString('base64')}` }
    const byPassword = await ask(`${index.url}/api/v1/tokens`, {
      method: 'POST',
      headers: { ...asDave, 'content-type': 'application/json' },
      body: JSON.stringify({ scope: 'upload', expires: new Date(START + 60_000).toISOString() }),
    })
    assert.equal(byPassword.status, 201, byPassword.text)
    const { token } = byPassword.json() as { token: string }
    for (const scope of ['read', 'upload'] as const) {
      const refused = await index.manage('POST', '/tokens', { scope }, token)
      assert.equal(refused.status, 403)
      const { code, detail } = refused.json() as { code: string; detail: string }
      assert.equal(code, 'token-scope')
      assert.match(detail, /^A token cannot make another one: sign in with your password/)
    }
    index.pass(61_000)
    assert.equal((await index.manage('GET', '/tokens', undefined, token)).status, 401)
    const { tokens } = (await ask(`${index.url}/api/v1/tokens`, { headers: asDave })).json() as { tokens: unknown[] }
    assert.equal(tokens.length, 1)
  })

  it('LOG: gives it a name that a terminal and every database can show', async () => {
    const labelled = (label: string): Promise<Answer> => index.manage('POST', '/tokens', { scope: 'read', label })
    for (const label of ['a\0b', '\u001b[2J', 'a\nb', '\u009b']) {
      const refused = await labelled(label)
      assert.equal(refused.status, 400, refused.text)
      assert.match(refused.text, /one line of text without control characters/)
    }
    assert.equal((await labelled('Büro 😀')).status, 201)
  })
})

describe('a release’s life', () => {
  let index: IndexUnderTest
  const one = buildWheel({ name: 'demo', version: '1.0' })
  before(async () => {
    index = await startIndex()
    assert.equal((await index.upload(one)).status, 200)
  })
  after(() => index[Symbol.asyncDispose]())

  it('a yank with its reason stands on the page at once, and going back takes it away', async () => {
    const yank = await index.manage('PUT', '/projects/demo/releases/1.0.0/yank', { reason: 'loses data <now>' })
    assert.deepEqual([yank.status, (yank.json() as { changed: boolean }).changed], [200, true])
    assert.equal((await index.page('demo')).files[0]?.yanked, 'loses data <now>')
    const document = (await ask(`${index.url}/pypi/demo/json`)).json() as { info: Record<string, unknown> }
    assert.deepEqual([document.info['yanked'], document.info['yanked_reason']], [true, 'loses data <now>'])
    assert.match((await ask(`${index.url}/simple/demo/`)).text, /data-yanked="loses data &lt;now&gt;"/)
    assert.equal((await index.manage('DELETE', '/projects/demo/releases/1.0/yank')).status, 200)
    assert.ok(!(await index.page('demo')).files[0]?.yanked)
    const again = await index.manage('DELETE', '/projects/demo/releases/1.0/yank')
    assert.equal((again.json() as { changed: boolean }).changed, false)
  })

  it('an archived project is readable and takes no uploads', async () => {
    assert.equal(
      (await index.manage('PUT', '/projects/demo/status', { status: 'archived', reason: 'done' })).status,
      200,
    )
    assert.deepEqual((await index.page('demo'))['project-status'], { status: 'archived', reason: 'done' })
    const refused = await index.upload(buildWheel({ name: 'demo', version: '2.0' }))
    assert.equal(refused.status, 403)
    assert.match(refused.reason, /archived \(done\)/)
    assert.equal((await ask(index.fileUrl(one))).status, 200)
    assert.equal((await index.manage('PUT', '/projects/demo/status', { status: 'active' })).status, 200)
  })

  it('NAME-REUSE, NAME-CASE: a deleted file is 410, and its name is used up in every case', async () => {
    assert.equal((await index.manage('DELETE', `/projects/demo/files/${one.filename}`)).status, 200)
    const gone = await ask(index.fileUrl(one))
    assert.deepEqual([gone.status, (gone.json() as { code: string }).code], [410, 'file-deleted'])
    assert.deepEqual(await index.filenames('demo'), [])
    assert.match(
      (await index.upload({ ...one, filename: one.filename.replace('demo', 'Demo') })).text,
      /previously used/,
    )
    assert.match((await index.upload(one)).text, /previously used/)
  })

  it('a disabled user’s tokens stop working, and work again afterwards', async () => {
    const made = await index.manage('POST', '/users', { name: 'carol' })
    assert.equal(made.status, 201)
    const { token, id } = (await index.manage('POST', '/tokens', { user: 'carol', scope: 'upload' })).json() as {
      token: string
      id: string
    }
    assert.equal((await index.manage('GET', '/tokens', undefined, token)).status, 200)
    await index.manage('PUT', '/users/carol/disabled', { disabled: true })
    assert.equal((await index.manage('GET', '/tokens', undefined, token)).status, 401)
    await index.manage('PUT', '/users/carol/disabled', { disabled: false })
    assert.equal((await index.manage('GET', '/tokens', undefined, token)).status, 200)
    assert.equal((await index.manage('DELETE', `/tokens/${id}`)).status, 200)
    assert.equal((await index.manage('GET', '/tokens', undefined, token)).status, 401)
    assert.equal((await index.manage('POST', '/users', { name: 'carol' })).status, 409)
  })
})
