import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { DefaultPolicy } from '@waxseal/index/names'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, basic, REFRESH_MS, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest, Settings } from './index-under-test.ts'
import { code, simulated } from './offered.ts'

/** What people who were refused ask for, and those who decide answer (attacks.md APP-TOCTOU, SELF-APPROVE, RATE). */

let upstream: Simulator
let index: IndexUnderTest
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-requests-'))
  upstream = await startSimulator()
})
afterEach(async () => {
  upstream.removeProject('demo')
  await index[Symbol.asyncDispose]()
})
after(async () => {
  await upstream[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const one = buildWheel({ name: 'demo', version: '1.0' })
const two = buildWheel({ name: 'demo', version: '1.0', tag: 'py3-none-win_amd64' })
const replaced = buildWheel({ name: 'demo', version: '1.0', module: 'EVIL = 1\n' })
const offer = (...files: readonly Distribution[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map((file) => ({ ...simulated(file), metadata: Buffer.from(file.metadata) })),
  })

async function start(policy: Partial<DefaultPolicy> = {}, settings: Settings = {}): Promise<void> {
  const unclaimed = [{ pattern: '*', mode: 'approve' }] as const
  index = await startIndex({
    upstreams: { upstream },
    policy: { unclaimed, cooldown: 0, approvals: 1, ...policy },
    ...settings,
  })
  offer(one)
  await index.page('demo')
}

interface Asked {
  readonly id: number
  readonly files: readonly { readonly filename: string; readonly sha256: string }[]
  readonly isNew: boolean
}
interface Shown {
  readonly state: string
  readonly askedBy: string | null
  readonly answeredBy: string | null
  readonly answer: string | null
  readonly files: readonly { readonly filename: string; readonly now: string }[]
  readonly later: readonly { readonly filename: string }[]
}

/** Without a token, as from a machine that nobody has logged in on. */
const anonymously = (body: unknown, from = '127.0.0.1'): Promise<Answer> =>
  ask(`${index.url}/api/v1/requests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    from,
  })
const request = async (token?: string, body: unknown = { project: 'demo', version: '1.0' }): Promise<Asked> => {
  const answer = token === undefined ? await anonymously(body) : await index.manage('POST', '/requests', body, token)
  assert.ok([200, 201].includes(answer.status), answer.text)
  return answer.json() as Asked
}
const show = async (id: number): Promise<Shown> => (await index.manage('GET', `/requests/${id}`)).json() as Shown
const answer = (id: number, body: unknown, token?: string): Promise<Answer> =>
  index.manage('POST', `/requests/${id}/answer`, body, token)
const isGivenOut = async (file: Distribution): Promise<boolean> => (await ask(index.fileUrl(file))).status === 200

describe('a request', () => {
  it('holds the hashes of that moment, and is answered by exactly those', async () => {
    await start()
    const asked = await request(undefined, { project: 'Demo', version: '1', reason: 'for the build' })
    assert.deepEqual(asked.files, [{ filename: one.filename, sha256: one.sha256 }])
    assert.equal((await show(asked.id)).state, 'open')
    assert.equal(await isGivenOut(one), false)
    assert.equal((await answer(asked.id, { approve: [one.sha256] })).status, 200)
    assert.equal(await isGivenOut(one), true)
    const { state, answeredBy, files } = await show(asked.id)
    assert.deepEqual([state, answeredBy, files.map(({ now }) => now)], ['approved', 'admin', ['offered']])
    const again = await answer(asked.id, { decline: true, reason: 'no' })
    assert.deepEqual([again.status, code(again)], [409, 'conflict'])
    assert.match(again.reason, /is approved already by admin/)
  })

  it('asks no upstream (DC-19)', async () => {
    await start()
    upstream.clearRequests()
    index.pass(REFRESH_MS)
    await request()
    await request(undefined, { project: 'never-seen' })
    assert.deepEqual(upstream.requests, [])
  })

  it('APP-TOCTOU: what came or changed since is shown to whoever decides, and is not approved', async () => {
    await start()
    const { id } = await request()
    offer(one, two)
    index.pass(REFRESH_MS)
    await index.page('demo')
    assert.deepEqual(
      (await show(id)).later.map(({ filename }) => filename),
      [two.filename],
    )
    const late = await answer(id, { approve: [one.sha256, two.sha256] })
    assert.deepEqual([late.status, code(late)], [400, 'bad-request'])
    assert.equal(await isGivenOut(one), false)
    offer(two)
    index.pass(REFRESH_MS)
    await index.page('demo')
    assert.deepEqual(
      (await show(id)).files.map(({ now }) => now),
      ['gone'],
    )
    const gone = await answer(id, { approve: [one.sha256] })
    assert.deepEqual([gone.status, code(gone)], [409, 'conflict'])
    assert.match(gone.reason, /is not listed any more: look at it again/)
    assert.deepEqual(await index.index.store.db.selectFrom('approval').selectAll().execute(), [])
  })

  it('APP-TOCTOU: other bytes under a name that was asked for are another file', async () => {
    index = await startIndex({
      upstreams: { upstream },
      policy: { unclaimed: [{ pattern: '*', mode: 'approve' }], cooldown: 0, approvals: 1 },
    })
    offer(replaced)
    await index.page('demo')
    const { id } = await request()
    const forged = await answer(id, { approve: [one.sha256] })
    assert.match(forged.reason, /does not ask for the sha256/)
    assert.equal((await answer(id, { approve: [replaced.sha256] })).status, 200)
  })

  it('SELF-APPROVE: whoever asked is not one of those who approve, where it takes more than one', async () => {
    await start({ approvals: 2 })
    const theirs = await index.token('admin')
    const { id } = await request(theirs)
    const self = await answer(id, { approve: [one.sha256] }, theirs)
    assert.deepEqual([self.status, code(self)], [403, 'forbidden'])
    assert.equal((await answer(id, { approve: [one.sha256] })).status, 200)
    assert.deepEqual([(await show(id)).state, await isGivenOut(one)], ['open', false])
    assert.equal((await answer(id, { approve: [one.sha256] }, theirs)).status, 403)
    assert.equal((await answer(id, { approve: [one.sha256] }, await index.token('admin'))).status, 200)
    assert.deepEqual([(await show(id)).state, await isGivenOut(one)], ['approved', true])
  })

  it('SELF-APPROVE: nor beside the request, declined or not; who took it back may', async () => {
    await start({ approvals: 2 })
    const theirs = await index.token('admin')
    const approve = async (): Promise<Answer> =>
      index.manage('POST', '/projects/demo/approvals', { sha256s: [one.sha256] }, theirs)
    const declined = await request(theirs)
    const open = await approve()
    assert.deepEqual([open.status, code(open)], [403, 'forbidden'])
    assert.equal((await answer(declined.id, { decline: true, reason: 'no' })).status, 200)
    assert.equal((await approve()).status, 403)
    const { approvals } = (await index.manage('GET', '/projects/demo/approvals')).json() as { approvals: unknown[] }
    assert.deepEqual(approvals, [])
    const more = await index.token('admin')
    const { id } = await request(more)
    assert.equal((await answer(id, { withdraw: true }, more)).status, 200)
    const others = await index.manage('POST', '/projects/demo/approvals', { sha256s: [one.sha256] }, more)
    assert.equal(others.status, 200, others.text)
  })

  it('SELF-APPROVE: nor by having approved before, as long as the request stands', async () => {
    await start({ approvals: 2 })
    const theirs = await index.token('admin')
    const approve = async (token?: string): Promise<void> => {
      const given = await index.manage('POST', '/projects/demo/approvals', { sha256s: [one.sha256] }, token)
      assert.equal(given.status, 200, given.text)
    }
    const refusal = async (): Promise<string> => (await ask(index.fileUrl(one))).reason
    await approve(theirs)
    assert.match(await refusal(), /\(1 of 2 so far\)/)
    const { id } = await request(theirs)
    await approve()
    assert.match(await refusal(), /\(1 of 2 so far\)/)
    assert.equal((await show(id)).state, 'open')
    assert.equal((await answer(id, { withdraw: true }, theirs)).status, 200)
    assert.equal(await isGivenOut(one), true)
    const again = await request(theirs, { project: 'demo' })
    assert.deepEqual(again.files, [], 'nothing of it is withheld')
  })

  it('SELF-APPROVE: nor by having approved while one was enough, once two have to', async () => {
    const dataDir = join(folder, 'kept')
    await start({}, { dataDir })
    const theirs = await index.token('admin')
    const { id } = await request(theirs)
    assert.equal((await answer(id, { approve: [one.sha256] }, theirs)).status, 200)
    assert.equal(await isGivenOut(one), true)
    await index[Symbol.asyncDispose]()
    await start({ approvals: 2 }, { dataDir })
    assert.match((await ask(index.fileUrl(one))).reason, /\(0 of 2 so far\)/)
  })

  it('SELF-APPROVE: who is no administrator answers none, and sees their own only', async () => {
    await start()
    const [alice, bob] = [await index.token('upload'), await index.token('read')]
    const { id } = await request(alice)
    for (const token of [alice, bob]) {
      const refused = await answer(id, { approve: [one.sha256] }, token)
      assert.equal(refused.status, token === alice ? 403 : 404, refused.text)
    }
    assert.equal((await index.manage('GET', `/requests/${id}`, undefined, bob)).status, 404)
    const list = async (token: string) =>
      ((await index.manage('GET', '/requests', undefined, token)).json() as { requests: readonly unknown[] }).requests
    assert.deepEqual([(await list(alice)).length, (await list(bob)).length], [1, 0])
    assert.equal((await answer(id, { withdraw: true }, bob)).status, 404)
    assert.equal((await answer(id, { withdraw: true }, alice)).status, 200)
    assert.equal((await show(id)).state, 'withdrawn')
  })

  it('is declined with a reason, which whoever asked is shown', async () => {
    await start()
    const alice = await index.token('read')
    const { id } = await request(alice)
    assert.equal((await answer(id, { decline: true, reason: '' })).status, 400)
    assert.equal((await answer(id, { decline: true, reason: 'it is abandoned' })).status, 200)
    const { requests } = (await index.manage('GET', '/requests?state=declined', undefined, alice)).json() as {
      readonly requests: readonly { readonly answer: string }[]
    }
    assert.deepEqual(
      requests.map(({ answer: why }) => why),
      ['it is abandoned'],
    )
    assert.equal(await isGivenOut(one), false)
  })

  it('is not a way around a denial', async () => {
    await start()
    assert.equal(
      (
        await index.manage('POST', '/denials', {
          project: 'demo',
          version: '1.0',
          overlay: 'blocked',
          reason: 'a worm',
        })
      ).status,
      200,
    )
    const { id, files } = await request()
    assert.equal(files.length, 1)
    const refused = await answer(id, { approve: [one.sha256] })
    assert.deepEqual([refused.status, code(refused)], [409, 'conflict'])
    assert.match(refused.reason, /An approval does not open .*\(denial 1\): a worm/)
    assert.equal(await isGivenOut(one), false)
  })

  it('RATE: once for the same, and so many a day from one address', async () => {
    await start()
    const first = await request()
    assert.deepEqual([(await request()).id, (await request()).isNew], [first.id, false])
    for (let n = 1; n < 20; n += 1) await request(undefined, { project: `other-${n}` })
    const refused = await anonymously({ project: 'one-more' })
    assert.deepEqual([refused.status, code(refused)], [429, 'request-limit'])
    assert.equal((await anonymously({ project: 'demo', version: '1.0' })).status, 429, 'nothing is looked up for it')
    assert.equal((await anonymously({ project: 'one-more' }, '127.0.0.2')).status, 201)
    index.pass(86_400_000)
    assert.equal((await anonymously({ project: 'one-more' })).status, 201)
  })

  it('needs a token where reading does, and is bounded in every way', async () => {
    await start({}, { reading: 'private' })
    assert.equal((await anonymously({ project: 'demo' })).status, 401)
    const reader = await index.token('read')
    for (const body of [
      { project: '../x' },
      { project: 'demo', reason: 'x'.repeat(1001) },
      { project: 'demo', reason: 'two\nlines' },
      { project: 'demo', version: 'x'.repeat(129) },
      { project: 'demo', more: 1 },
    ]) {
      assert.equal((await index.manage('POST', '/requests', body, reader)).status, 400, JSON.stringify(body))
    }
    const foreign = await ask(`${index.url}/api/v1/requests`, {
      method: 'POST',
      headers: { ...basic(reader), 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' },
      body: '{"project":"demo"}',
    })
    assert.equal(foreign.status, 403)
    assert.equal((await request(reader)).isNew, true)
  })
})
