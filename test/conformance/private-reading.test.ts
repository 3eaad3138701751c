import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { JSON_PAGE, ask, basic, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'

/** behaviour.md 7.3.11; attacks.md DC-10b, ENUM, LIST: a stranger learns nothing from a private index. */
describe('an index whose reading is private', () => {
  let upstream: Simulator
  let index: IndexUnderTest
  const secret = buildWheel({ name: 'secret', version: '1.0' })
  before(async () => {
    upstream = await startSimulator()
    upstream.addProject({
      name: 'public-one',
      files: [{ filename: 'public_one-1.0-py3-none-any.whl', bytes: secret.bytes }],
    })
    index = await startIndex({ reading: 'private', upstreams: { pypi: upstream }, prefixes: ['corp'] })
    assert.equal((await index.upload(secret)).status, 200)
    upstream.clearRequests()
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  /** Everything of an answer that a stranger sees, but the time and what repeats the address that was asked. */
  const seen = (answer: Answer): string => {
    const { date: _date, 'x-request-id': _id, ...headers } = answer.headers
    return JSON.stringify([answer.status, answer.reason, headers, answer.text])
  }

  const kinds: readonly (readonly [string, (name: string) => string])[] = [
    ['page', (name) => `/simple/${name}/`],
    ['page without its slash', (name) => `/simple/${name}`],
    ['file', (name) => `/files/${name}/${secret.sha256}/${secret.filename}`],
    ['metadata', (name) => `/files/${name}/${secret.sha256}/${secret.filename}.metadata`],
    ['JSON document', (name) => `/pypi/${name}/json`],
    ['explanation', (name) => `/why/${name}`],
    ['management', (name) => `/api/v1/projects/${name}`],
  ]
  const names = ['secret', 'absent', 'public-one', 'corp-x', 'Secret', '-bad-']
  for (const headers of [{}, JSON_PAGE, { authorization: 'Basic !!!' }, basic('waxseal-wrong-token')]) {
    const who =
      'authorization' in headers ? headers.authorization : 'accept' in headers ? 'a JSON client' : 'a stranger'
    for (const [kind, path] of kinds) {
      it(`ENUM, DC-10b: one 401 with a challenge for ${kind} of any name, asked by ${String(who)}`, async () => {
        // Failed logins are limited by address; that limit is not what is tested here.
        index.pass(3_600_000)
        const answers = await Promise.all(names.map((name) => ask(`${index.url}${path(name)}`, { headers })))
        assert.equal(new Set(answers.map(seen)).size, 1, answers.map(seen).join('\n'))
        assert.equal(answers[0]?.status, 401)
        assert.match(answers[0]?.headers['www-authenticate'] ?? '', /^Basic realm="/)
        assert.equal(answers[0]?.headers['cache-control'], 'no-store')
        assert.equal(answers[0]?.headers.location, undefined)
        assert.deepEqual(upstream.requests, [], 'a stranger’s question went to an upstream')
      })
    }
  }

  it('LIST: the list of projects needs a token that reads everything', async () => {
    assert.equal((await ask(`${index.url}/simple/`)).status, 401)
    assert.equal((await ask(`${index.url}/simple`)).status, 401)
    const limited = await index.token('read', 'secret')
    assert.equal((await ask(`${index.url}/simple/`, { headers: basic(limited) })).status, 403)
    assert.deepEqual(await index.listed(), ['secret'])
  })

  it('a token for one project reads that one under any spelling, and is told the same of every other', async () => {
    const headers = basic(await index.token('read', 'secret'))
    assert.equal((await ask(`${index.url}/simple/secret/`, { headers })).status, 200)
    assert.equal((await ask(`${index.url}/simple/Secret/`, { headers })).status, 302)
    for (const [kind, path] of kinds) {
      const answers = await Promise.all(
        ['absent', 'public-one', 'corp-x'].map((name) => ask(`${index.url}${path(name)}`, { headers })),
      )
      assert.equal(new Set(answers.map(seen)).size, 1, kind)
      assert.equal(answers[0]?.status, 403)
    }
    assert.deepEqual(upstream.requests, [])
  })

  it('files and pages may be kept by the client only', async () => {
    const headers = basic(await index.token('read'))
    const file = await ask(index.fileUrl(secret), { headers })
    assert.equal(file.headers['cache-control'], 'private, max-age=365000000, immutable')
    assert.equal((await ask(`${index.url}/simple/secret/`, { headers })).headers['cache-control'], 'no-cache')
  })

  it('7.3.11: an upload without credentials is 401, with wrong ones 403 with the text that twine shows', async () => {
    const anonymous = await ask(`${index.url}/legacy/`, { method: 'POST', body: '' })
    assert.equal(anonymous.status, 401)
    assert.match(anonymous.headers['www-authenticate'] ?? '', /^Basic realm="/)
    const wrong = await index.upload(secret, 'waxseal-wrong-token')
    assert.equal(wrong.status, 403)
    assert.match(wrong.reason, /Invalid or non-existent authentication information/)
    assert.equal(wrong.headers['content-type'], 'application/json')
    assert.equal((await index.upload(secret, await index.token('read'))).status, 403)
  })

  it('health needs no credentials and names nothing', async () => {
    assert.deepEqual((await ask(`${index.url}/-/health`)).json(), { status: 'ok', version: '0.0.0' })
    const ready = (await ask(`${index.url}/-/ready`)).json() as { status: string; checks: Record<string, object> }
    assert.notEqual(ready.status, 'not-ready')
    for (const check of Object.values(ready.checks)) assert.doesNotMatch(JSON.stringify(check), /\/|simulator|pypi/)
  })
})
