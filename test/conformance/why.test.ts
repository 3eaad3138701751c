import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parse } from 'parse5'
import { buildWheel } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { REFRESH_MS, ask, startIndex } from './index-under-test.ts'
import type { IndexUnderTest } from './index-under-test.ts'

interface Explanation {
  readonly authority: string
  readonly source: string | null
  readonly sentence: string
  readonly snapshot: number | null
  readonly offered: readonly { readonly filename: string; readonly sha256: string; readonly stored: boolean }[]
  readonly withheld: readonly { readonly filename: string; readonly code: string; readonly reason: string }[]
  readonly events: readonly { readonly kind: string }[]
}

const EVIL = `"><script>alert(1)</script>&quot;'<img src=x onerror=alert(1)>`

describe('/why/<project>', () => {
  let upstream: Simulator
  let index: IndexUnderTest
  const kept = buildWheel({ name: 'up', version: '1.0' })
  const dropped = buildWheel({ name: 'up', version: '1.1' })
  const simulated = [kept, dropped].map(({ filename, bytes }) => ({ filename, bytes, yanked: EVIL }))
  before(async () => {
    upstream = await startSimulator()
    upstream.addProject({ name: 'up', files: simulated })
    index = await startIndex({ upstreams: { pypi: upstream }, prefixes: ['corp'] })
    assert.equal((await index.upload(buildWheel({ name: 'ours', version: '1.0' }))).status, 200)
    assert.equal((await index.manage('PUT', '/projects/ours/releases/1.0/yank', { reason: EVIL })).status, 200)
    assert.equal(
      (await index.manage('PUT', '/projects/ours/status', { status: 'deprecated', reason: EVIL })).status,
      200,
    )
  })
  after(async () => {
    await index[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  const why = async (name: string): Promise<Explanation> =>
    (await ask(`${index.url}/why/${name}`, { headers: { accept: 'application/json' } })).json() as Explanation

  it('says what is offered, from where, and who decided it', async () => {
    const { authority, source, sentence, offered } = await why('ours')
    assert.deepEqual([authority, source, offered.length], ['internal', 'local', 1])
    assert.match(sentence, /belongs to this index/)
    assert.match((await why('corp-x')).sentence, /prefix corp/)
    assert.match((await why('unknown')).sentence, /Nobody claimed unknown/)
  })

  it('explaining asks no upstream (DC-19)', async () => {
    upstream.clearRequests()
    for (const name of ['ours', 'up', 'corp-x', 'unknown']) await why(name)
    assert.deepEqual(upstream.requests, [])
  })

  it('says what is withheld and why, and what the upstream did', async () => {
    assert.ok((await ask(index.fileUrl(kept))).bytes.equals(kept.bytes))
    upstream.addProject({ name: 'up', files: [] })
    index.pass(REFRESH_MS)
    await index.page('up')
    const { offered, withheld, events } = await why('up')
    assert.deepEqual(
      offered.map(({ filename, stored }) => [filename, stored]),
      [[kept.filename, true]],
    )
    assert.deepEqual(
      withheld.map(({ filename, code }) => [filename, code]),
      [[dropped.filename, 'file-withdrawn']],
    )
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['upstream-withdrawn'],
    )
    const one = (
      await ask(`${index.url}/why/up/1.0`, { headers: { accept: 'application/json' } })
    ).json() as Explanation
    assert.deepEqual([one.offered.length, one.withheld.length], [1, 0])
  })

  for (const path of [
    '/why/ours',
    '/why/ours/1.0',
    '/why/up',
    `/why/ours/${encodeURIComponent(EVIL.replaceAll('/', ''))}`,
  ]) {
    it(`API-HTML, XSS: ${path.slice(0, 20)} is a page in which nothing from outside is markup`, async () => {
      const answer = await ask(`${index.url}${path}`)
      assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'text/html; charset=UTF-8'])
      assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'/)
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
      assert.doesNotMatch(answer.text, /<script|<img/)
      assert.ok(parse(answer.text))
    })
  }

  it('carries the snapshot it explains, and one address has two forms', async () => {
    const page = await ask(`${index.url}/why/ours`)
    const document = await ask(`${index.url}/why/Ours/`, { headers: { accept: 'application/json' } })
    assert.equal(document.headers['waxseal-snapshot'], String((document.json() as Explanation).snapshot))
    assert.equal(page.headers['waxseal-snapshot'], document.headers['waxseal-snapshot'])
    assert.equal(page.headers.vary, 'Accept, Accept-Encoding')
    const shown = await ask(`${index.url}/simple/ours/`)
    assert.equal(shown.headers['waxseal-snapshot'], page.headers['waxseal-snapshot'])
  })

  it('is 404 for what is no name', async () => assert.equal((await ask(`${index.url}/why/-x-`)).status, 404))
})
