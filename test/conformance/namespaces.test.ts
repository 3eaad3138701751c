import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { createToken, createUser, OPERATOR, systemClock } from '@waxseal/index'
import { JSON_PAGE, REFRESH_MS, ask, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest, Page } from './index-under-test.ts'

/** PEP 752 over HTTP (standards.md 6.1; attacks.md NAME-NS, DC-11, DC-13, DC-15, DC-16). */

interface SpacedPage extends Page {
  readonly namespaces?: readonly { readonly name: string; readonly owned: boolean }[] | null
}

const simulated = (file: Distribution) => ({
  filename: file.filename,
  bytes: file.bytes,
  uploadTime: '2024-03-01T12:00:00.000000Z',
})
const wheel = (name: string, version = '1.0') => buildWheel({ name, version })

async function tokenOf(index: IndexUnderTest, user: string, scope: 'read' | 'upload' = 'upload'): Promise<string> {
  const { store } = index.index
  const known = await store.db.selectFrom('user').select('name').where('name', '=', user).executeTakeFirst()
  if (known === undefined) await createUser(store, systemClock, { name: user, by: OPERATOR })
  return (await createToken(store, systemClock, { user, by: OPERATOR, scope })).token
}

const grant = (index: IndexUnderTest, name: string, owner: string, more: object = {}): Promise<Answer> =>
  index.manage('POST', '/namespaces', { name, owner, ...more })
const codeOf = (answer: Answer): unknown => (answer.json() as { code: unknown }).code
const spaces = async (index: IndexUnderTest, name: string): Promise<SpacedPage> => await index.page(name)

describe('a namespace that is granted', () => {
  let upstream: Simulator
  let index: IndexUnderTest
  let alice: string
  let bob: string

  before(async () => {
    upstream = await startSimulator()
    index = await startIndex({ upstreams: { pypi: upstream } })
    alice = await tokenOf(index, 'alice')
    bob = await tokenOf(index, 'bob')
    // Before the grant: one project of bob's, and one of the upstream's that was downloaded, and one that was looked at.
    assert.equal((await index.upload(wheel('acme-old'), bob)).status, 200)
    for (const name of ['acme-theirs', 'acme-seen', 'acmetools']) {
      upstream.addProject({ name, files: [simulated(wheel(name))] })
      assert.deepEqual(await index.filenames(name), [wheel(name).filename])
    }
    assert.equal((await ask(index.fileUrl(wheel('acme-theirs')))).status, 200)
    index.pass(1000)
    const granted = await grant(index, 'Acme', 'alice')
    assert.equal(granted.status, 201, granted.text)
    assert.deepEqual((granted.json() as { effect: unknown }).effect, {
      covered: 3,
      internal: 1,
      closes: [
        { project: 'acme-seen', upstream: 'pypi' },
        { project: 'acme-theirs', upstream: 'pypi' },
      ],
      opens: [],
    })
    upstream.clearRequests()
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  it('DC-11, DC-15: closes at once what an upstream answered for, downloaded before or not, page and file', async () => {
    index.pass(REFRESH_MS)
    for (const name of ['acme-theirs', 'acme-seen']) {
      const page = await spaces(index, name)
      assert.deepEqual([page.files, page.versions], [[], []])
      assert.equal((await ask(index.fileUrl(wheel(name)))).status, 403)
    }
    assert.deepEqual(upstream.requestsFor(/acme-/), [], 'DC-19: an upstream heard of a name under it')
  })

  it('DC-11, DC-16: answers for names that do not exist with 200 and no files, never 404', async () => {
    for (const name of ['acme', 'acme-typo', 'acme-a-b-c']) {
      const page = await spaces(index, name)
      assert.deepEqual(page.files, [])
      assert.match(page['project-status'].reason ?? '', /acme/)
      assert.deepEqual(page.namespaces, [{ name: 'acme', owned: true }])
      assert.equal(page.meta['api-version'], '1.5')
    }
    assert.deepEqual(upstream.requestsFor(/acme-?/), [])
  })

  for (const spelling of ['acme', 'acme-x', 'Acme.X2', 'ACME_x3', 'acme--x4', 'aCmE-X5']) {
    it(`NAME-NS, NAME-CASE, DC-13: ${spelling} is 409 for others, and names namespace and owner`, async () => {
      const answer = await index.upload(wheel(spelling), bob)
      assert.equal(answer.status, 409, answer.text)
      assert.match(answer.reason, /namespace 'acme'.*granted to alice.*ask alice/)
      assert.equal((await index.upload(wheel(spelling), alice)).status, 200)
    })
  }

  it('NAME-NS: acmetools is no name under it', async () => {
    assert.deepEqual(await index.filenames('acmetools'), [wheel('acmetools').filename])
    assert.equal((await index.upload(wheel('acmeothers'), bob)).status, 200)
  })

  it('leaves what was there before with whom it was, and says so', async () => {
    assert.equal((await index.upload(wheel('acme-old', '2.0'), bob)).status, 200)
    assert.deepEqual((await spaces(index, 'acme-old')).namespaces, [{ name: 'acme', owned: false }])
    assert.deepEqual((await spaces(index, 'acme-x')).namespaces, [{ name: 'acme', owned: true }])
  })

  it('is 1.5 in JSON where it is told, and 1.4 elsewhere and in HTML', async () => {
    assert.equal((await spaces(index, 'acme-x')).meta['api-version'], '1.5')
    const other = await spaces(index, 'acmetools')
    assert.deepEqual([other.meta['api-version'], 'namespaces' in other], ['1.4', false])
    const { text } = await ask(`${index.url}/simple/acme-x/`)
    assert.match(text, /repository-version" content="1\.4"/)
    assert.doesNotMatch(text, /namespace/)
  })

  it('TOK-2: a token of the owner that is limited to one project creates none', async () => {
    const made = await createToken(index.index.store, systemClock, {
      user: 'alice',
      by: OPERATOR,
      scope: 'upload',
      project: 'acme-limited',
    })
    const answer = await index.upload(wheel('acme-limited'), made.token)
    assert.equal(answer.status, 403)
    assert.match(answer.reason, /reserved by the prefix 'acme'/)
  })

  it('NAME-NS: overlaps none of another owner, neither below nor above', async () => {
    for (const [name, owner, status] of [
      ['acme-ml', 'bob', 409],
      ['acme', 'bob', 409],
      ['acme-ml', 'alice', 201],
      ['acm', 'bob', 201],
      ['corp-deep', 'alice', 201],
      ['corp', 'bob', 409],
      ['a-b-c-d-e-f', 'bob', 400],
      ['fine', 'not a name', 400],
    ] as const) {
      assert.equal((await grant(index, name, owner)).status, status, `${name} to ${owner}`)
    }
    assert.deepEqual((await spaces(index, 'acme-ml-x')).namespaces, [
      { name: 'acme-ml', owned: true },
      { name: 'acme', owned: true },
    ])
  })

  it('may not be called like a project of somebody else', async () => {
    assert.equal((await index.upload(wheel('taken'), bob)).status, 200)
    assert.equal((await grant(index, 'taken', 'alice')).status, 409)
    assert.equal((await grant(index, 'taken', 'bob')).status, 201)
  })

  it('NAME-XFER: goes by who owns the project now, not by who claimed it; and so does what its page says', async () => {
    assert.equal((await index.upload(wheel('handed'), alice)).status, 200)
    const members = async (method: string, holder: string, body?: object): Promise<void> => {
      const answer = await index.manage(method, `/projects/handed/members/${holder}`, body)
      assert.equal(answer.status, 200, answer.text)
    }
    await members('PUT', 'bob', { role: 'owner' })
    await members('DELETE', 'alice')
    assert.equal((await grant(index, 'handed', 'alice')).status, 409)
    assert.equal((await grant(index, 'handed', 'bob')).status, 201)
    const owned = async (): Promise<unknown> => (await spaces(index, 'handed')).namespaces
    assert.deepEqual(await owned(), [{ name: 'handed', owned: true }])
    await members('PUT', 'alice', { role: 'owner' })
    assert.deepEqual(await owned(), [{ name: 'handed', owned: true }])
    await members('DELETE', 'bob')
    assert.deepEqual(await owned(), [{ name: 'handed', owned: false }])
    for (const path of ['/teams/core', '/teams/core/members/bob']) {
      const answer = await index.manage('PUT', path)
      assert.equal(answer.status, 200, answer.text)
    }
    await members('PUT', 'team:core', { role: 'owner' })
    assert.deepEqual(await owned(), [{ name: 'handed', owned: true }])
    assert.equal((await index.manage('DELETE', '/teams/core/members/bob')).status, 200)
    assert.deepEqual(await owned(), [{ name: 'handed', owned: false }])
  })

  it('NAME-XFER: is not called like what somebody of its team, or an administrator, has alone; what they create under it is theirs', async () => {
    assert.equal((await index.upload(wheel('crew'), alice)).status, 200)
    assert.equal((await index.upload(wheel('crew-old'), alice)).status, 200)
    assert.equal((await index.upload(wheel('chief'))).status, 200)
    for (const [path, body] of [
      ['/teams/crew'],
      ['/teams/crew/members/alice'],
      ['/projects/crew/members/bob', { role: 'owner' }],
    ] as const) {
      const answer = await index.manage('PUT', path, body)
      assert.equal(answer.status, 200, answer.text)
    }
    assert.equal((await grant(index, 'chief', 'operator')).status, 409)
    assert.equal((await grant(index, 'crew', 'team:crew')).status, 409)
    const joined = await index.manage('PUT', '/projects/crew/members/team:crew', { role: 'owner' })
    assert.equal(joined.status, 200, joined.text)
    index.pass(1000)
    assert.equal((await grant(index, 'crew', 'team:crew')).status, 201)
    assert.equal((await grant(index, 'hq', 'operator')).status, 201)
    index.pass(1000)
    assert.equal((await index.upload(wheel('crew-new'), alice)).status, 200)
    assert.equal((await index.upload(wheel('hq-new'))).status, 200)
    const owned = async (name: string) => (await spaces(index, name)).namespaces?.map((space) => space.owned)
    assert.deepEqual(await Promise.all(['crew', 'crew-old', 'crew-new', 'hq-new'].map(owned)), [
      [true],
      [false],
      [true],
      [true],
    ])
    assert.equal((await index.manage('DELETE', '/teams/crew/members/alice')).status, 200)
    assert.deepEqual(await owned('crew-new'), [false])
  })

  it('is granted and ended by administrators only', async () => {
    for (const [method, path, body] of [
      ['POST', '/namespaces', { name: 'mine', owner: 'bob' }],
      ['PUT', '/namespaces/acme', { owner: 'bob' }],
      ['DELETE', '/namespaces/acme', undefined],
      ['GET', '/namespaces/acme/effect', undefined],
    ] as const) {
      assert.equal((await index.manage(method, path, body, bob)).status, 403, `${method} ${path}`)
    }
  })
})

describe('the endpoints of PEP 752', () => {
  let upstream: Simulator
  let index: IndexUnderTest

  before(async () => {
    upstream = await startSimulator()
    for (const name of ['namespaces', 'namespace']) {
      upstream.addProject({ name, files: [simulated(wheel(name))] })
    }
    index = await startIndex({ upstreams: { pypi: upstream }, prefixes: ['corp'] })
    for (const [name, owner, visibility] of [
      ['acme', 'alice', 'public'],
      ['acme-ml', 'alice', 'public'],
      ['acme-ml-vision', 'alice', 'public'],
      ['secret', 'bob', 'private'],
      ['acme-hidden', 'alice', 'private'],
    ] as const) {
      assert.equal((await grant(index, name, owner, { visibility })).status, 201)
    }
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  const get = (path: string, headers = {}): Promise<Answer> => ask(`${index.url}${path}`, { headers })

  it('list public namespaces as an array, in whatever form is asked for', async () => {
    for (const headers of [{}, JSON_PAGE, { accept: 'text/html' }]) {
      const answer = await get('/simple/namespaces', headers)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['content-type'], 'application/vnd.pypi.simple.v1+json')
      assert.deepEqual(answer.json(), [{ name: 'acme' }, { name: 'acme-ml' }, { name: 'acme-ml-vision' }])
    }
    const { etag } = (await get('/simple/namespaces')).headers
    assert.equal((await get('/simple/namespaces', { 'if-none-match': etag })).status, 304)
  })

  it('show one with its parent and its direct children', async () => {
    assert.deepEqual((await get('/simple/namespace/acme')).json(), {
      name: 'acme',
      owner: 'alice',
      parent: null,
      children: ['acme-ml'],
    })
    assert.deepEqual((await get('/simple/namespace/acme-ml-vision')).json(), {
      name: 'acme-ml-vision',
      owner: 'alice',
      parent: 'acme-ml',
      children: [],
    })
    const spelled = await get('/simple/namespace/Acme_ML/')
    assert.deepEqual([spelled.status, spelled.headers.location], [302, '../acme-ml'])
  })

  it('tell of no private namespace, nor of a configured one', async () => {
    for (const name of ['secret', 'acme-hidden', 'corp', 'nothing']) {
      assert.equal((await get(`/simple/namespace/${name}`)).status, 404, name)
    }
    assert.equal('namespaces' in (await spaces(index, 'secret-x')), false)
    assert.deepEqual((await spaces(index, 'acme-hidden-x')).namespaces, [{ name: 'acme', owned: true }])
    const refusal = await index.upload(wheel('secret-x'), await tokenOf(index, 'carol'))
    assert.equal(refusal.status, 409)
    assert.doesNotMatch(refusal.reason, /bob/)
  })

  it('tell administrators and owners of private ones by the management API, and nobody else', async () => {
    const listed = async (token: string): Promise<readonly string[]> => {
      const answer = await index.manage('GET', '/namespaces', undefined, token)
      return (answer.json() as { namespaces: { name: string }[] }).namespaces.map(({ name }) => name)
    }
    const shown = ['acme', 'acme-ml', 'acme-ml-vision']
    assert.deepEqual(await listed(index.admin), ['acme', 'acme-hidden', ...shown.slice(1), 'corp', 'secret'])
    assert.deepEqual(await listed(await tokenOf(index, 'bob')), [...shown, 'secret'])
    assert.deepEqual(await listed(await tokenOf(index, 'carol')), shown)
  })

  for (const name of ['namespaces', 'namespace']) {
    it(`leave the project ${name} of an upstream its page, with the slash`, async () => {
      assert.deepEqual(await index.filenames(name), [wheel(name).filename])
      assert.equal((await ask(index.fileUrl(wheel(name)))).status, 200)
    })

    it(`let nobody claim ${name}`, async () => {
      const upload = await index.upload(wheel(name, '2.0'))
      assert.equal(upload.status, 403)
      const claim = await index.manage('POST', `/projects/${name}/claim`)
      assert.deepEqual([claim.status, codeOf(claim)], [403, 'name-prohibited'])
    })
  }

  it('are for those who may read the list, where reading is private', async () => {
    await using closed = await startIndex({ reading: 'private' })
    for (const path of ['/simple/namespaces', '/simple/namespace/acme']) {
      assert.equal((await ask(`${closed.url}${path}`)).status, 401)
    }
  })

  it('take no claim of an upstream over', async () => {
    upstream.addProject({
      name: 'liar',
      files: [simulated(wheel('liar'))],
      apiVersion: '1.5',
      namespaces: [{ name: 'acme', owned: true }],
    })
    assert.equal('namespaces' in (await spaces(index, 'liar')), false)
  })
})

describe('a grant that ends or changes', () => {
  let upstream: Simulator
  let index: IndexUnderTest
  before(async () => {
    upstream = await startSimulator()
    for (const name of ['acme-theirs', 'acme-new']) upstream.addProject({ name, files: [simulated(wheel(name))] })
    index = await startIndex({ upstreams: { pypi: upstream } })
    assert.deepEqual(await index.filenames('acme-theirs'), [wheel('acme-theirs').filename])
    assert.equal((await grant(index, 'acme', 'alice')).status, 201)
    assert.equal((await index.upload(wheel('acme-ours'), await tokenOf(index, 'alice'))).status, 200)
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  it('says what it is on every page that it covers, at once', async () => {
    assert.equal((await index.manage('PUT', '/namespaces/acme', { visibility: 'private' })).status, 200)
    assert.equal((await spaces(index, 'acme-ours')).namespaces, null)
    assert.equal((await index.manage('PUT', '/namespaces/acme', { visibility: 'public' })).status, 200)
    assert.deepEqual((await spaces(index, 'acme-ours')).namespaces, [{ name: 'acme', owned: true }])
  })

  it('passes the right on with its owner', async () => {
    assert.equal((await index.manage('PUT', '/namespaces/acme', { owner: 'bob' })).status, 200)
    assert.equal((await index.upload(wheel('acme-one'), await tokenOf(index, 'alice'))).status, 409)
    assert.equal((await index.upload(wheel('acme-one'), await tokenOf(index, 'bob'))).status, 200)
  })

  it('DEL-INT: leaves internal names internal, opens the rest, and its pages say null', async () => {
    const ended = await index.manage('DELETE', '/namespaces/acme')
    assert.equal(ended.status, 200, ended.text)
    assert.deepEqual((ended.json() as { effect: { opens: unknown } }).effect.opens, [
      { project: 'acme-theirs', upstream: 'pypi' },
    ])
    const ours = await spaces(index, 'acme-ours')
    assert.deepEqual([ours.files.length, ours.namespaces, ours.meta['api-version']], [1, null, '1.5'])
    assert.deepEqual(await index.filenames('acme-theirs'), [wheel('acme-theirs').filename])
    assert.deepEqual(await index.filenames('acme-new'), [wheel('acme-new').filename])
    assert.equal((await ask(`${index.url}/simple/acme-none/`)).status, 404)
    assert.equal((await index.manage('DELETE', '/namespaces/acme')).status, 404)
  })

  it('is a chain of decisions about the prefix, and events', async () => {
    const rows = await index.index.store.db
      .selectFrom('decision')
      .select(['rev', 'body'])
      .where('project', '=', 'acme-*')
      .orderBy('rev')
      .execute()
    assert.deepEqual(
      rows.map(({ rev, body }) => [rev, (JSON.parse(body) as { kind: string }).kind]),
      [
        [1, 'namespace-grant'],
        [2, 'namespace-change'],
        [3, 'namespace-change'],
        [4, 'namespace-change'],
        [5, 'namespace-end'],
      ],
    )
    const events = await index.index.store.db
      .selectFrom('event')
      .select('kind')
      .where('project', '=', 'acme-*')
      .execute()
    assert.equal(events.length, 5)
  })
})

describe('a configured prefix', () => {
  it('stays for whoever may upload, until somebody is granted a part of it', async () => {
    await using index = await startIndex({ prefixes: ['corp'] })
    const [alice, bob] = [await tokenOf(index, 'alice'), await tokenOf(index, 'bob')]
    assert.equal((await index.upload(wheel('corp-one'), bob)).status, 200)
    assert.equal((await grant(index, 'corp-ml', 'alice')).status, 201)
    assert.equal((await index.upload(wheel('corp-ml-x'), bob)).status, 409)
    assert.equal((await index.upload(wheel('corp-ml-x'), alice)).status, 200)
    assert.equal((await index.upload(wheel('corp-two'), bob)).status, 200)
    assert.equal((await grant(index, 'corp', 'alice')).status, 201)
    assert.equal((await index.upload(wheel('corp-three'), bob)).status, 409)
    for (const name of ['corp-ml', 'corp'])
      assert.equal((await index.manage('DELETE', `/namespaces/${name}`)).status, 200)
    assert.deepEqual((await index.page('corp-never')).files, [], 'the configuration holds again')
    assert.equal((await index.upload(wheel('corp-three'), bob)).status, 200)
  })
})
