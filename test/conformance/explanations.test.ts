import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { recordTarget, shardOf, writeNameRecord } from '@waxseal/index/names'
import type { DefaultPolicy } from '@waxseal/index/names'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, START, startIndex } from './index-under-test.ts'
import type { IndexUnderTest, Settings } from './index-under-test.ts'
import { simulated } from './offered.ts'

/** What people and scripts are told: which rule decided, who and since when, what to do next, and what is allowed. */

const DAY = 86_400_000
let upstream: Simulator
let index: IndexUnderTest

before(async () => {
  upstream = await startSimulator()
})
afterEach(async () => {
  upstream.removeProject('demo')
  await index[Symbol.asyncDispose]()
})
after(() => upstream[Symbol.asyncDispose]())

const first = buildWheel({ name: 'demo', version: '1.0' })
const second = buildWheel({ name: 'demo', version: '1.4' })
const third = buildWheel({ name: 'demo', version: '1.5' })
const offer = (...files: readonly Distribution[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map((file) => ({ ...simulated(file), metadata: Buffer.from(file.metadata) })),
  })

const start = async (settings: Settings = {}): Promise<void> => {
  index = await startIndex({ upstreams: { upstream }, ...settings })
}
const withPolicy = (policy: Partial<DefaultPolicy>): Settings => ({
  policy: { unclaimed: [], cooldown: 0, approvals: 1, ...policy },
})

interface Explained {
  readonly rule: { readonly kind: string; readonly of: string | null; readonly sentence: string }
  readonly decision: { readonly by: string; readonly since: string; readonly reason: string | null } | null
  readonly next: string | null
  readonly newest: string | null
  readonly denials: readonly { readonly n: number; readonly by: string; readonly waits: boolean }[]
  readonly openings: readonly { readonly kind: string; readonly askedBy: string }[]
  readonly sealed: { readonly role: string; readonly rev: number; readonly by: string } | null
}

const explain = async (path: string): Promise<Explained> =>
  (await ask(`${index.url}/why/${path}`, { headers: { accept: 'application/json' } })).json() as Explained
const deny = async (denial: Readonly<Record<string, unknown>>): Promise<void> =>
  assert.equal((await index.manage('POST', '/denials', { project: 'demo', ...denial })).status, 200)

/** What each channel says of a refused file. */
async function channels(file: Distribution): Promise<readonly string[]> {
  const answer = await ask(index.fileUrl(file))
  assert.equal(answer.status, 403, answer.text)
  const { detail, why } = answer.json() as { readonly detail: string; readonly why: string }
  assert.equal(why, '../../../why/demo')
  return [answer.reason, detail]
}

describe('an explanation of', () => {
  it('a release that is denied: the denial, who, since when, what is allowed instead, how to ask', async () => {
    await start()
    offer(first, second, third)
    await index.page('demo')
    await deny({ version: '1.5', overlay: 'blocked', reason: 'a worm' })
    const { rule, decision, next, newest, denials } = await explain('demo/1.5')
    assert.deepEqual([rule.kind, rule.of], ['denial', '1'])
    assert.match(rule.sentence, /^demo 1\.5 is blocked since 2026-03-01 \(denial 1\): a worm$/)
    assert.deepEqual(decision, { by: 'admin', since: new Date(START).toISOString(), reason: 'a worm' })
    assert.equal(newest, '1.4')
    assert.equal(
      next,
      'Use demo==1.4, the newest that is allowed, or ask for this one: waxseal request demo==1.5. An administrator can lift it: waxseal lift 1',
    )
    assert.deepEqual(
      denials.map(({ n, by, waits }) => [n, by, waits]),
      [[1, 'admin', false]],
    )
    // The name itself is not denied.
    const name = await explain('demo')
    assert.deepEqual([name.rule.kind, name.next, name.newest], ['default', null, '1.4'])
    for (const text of await channels(third)) {
      assert.match(text, /demo 1\.5 is blocked since 2026-03-01 \(denial 1\): a worm\./)
      assert.match(text, /Newest that is allowed: 1\.4\. Ask for it: waxseal request demo==1\.5$/)
    }
  })

  it('a name that is denied: nothing of it is allowed, and the way out says so', async () => {
    await start()
    offer(first)
    await index.page('demo')
    await deny({ overlay: 'quarantined', reason: 'looked into' })
    const { rule, next, newest } = await explain('demo')
    assert.deepEqual([rule.kind, newest], ['denial', null])
    assert.match(String(next), /^Ask for it: waxseal request demo\. An administrator can lift it: waxseal lift 1$/)
    for (const text of await channels(first)) {
      assert.match(text, /^demo is quarantined since .* looked into\. Ask for it: waxseal request demo$/)
    }
  })

  it('a file that is too young: until when, and what is old enough', async () => {
    await start(withPolicy({ cooldown: 3 * 86_400 }))
    upstream.addProject({
      name: 'demo',
      files: [simulated(first), { ...simulated(third), uploadTime: new Date(START - DAY).toISOString() }],
    })
    await index.page('demo')
    const { rule, decision, next, newest } = await explain('demo/1.5')
    assert.deepEqual([rule.kind, newest], ['cooldown', '1.0'])
    assert.match(rule.sentence, /files of upstreams have to be 3 days old here/)
    assert.deepEqual(decision?.by, 'configuration')
    assert.equal(
      next,
      'Wait until 2026-03-03 12:00 UTC, or use demo==1.0, the newest that is allowed, or ask for this one: waxseal request demo==1.5',
    )
    for (const text of await channels(third)) assert.match(text, /Newest that is allowed: 1\.0\. Ask for it:/)
  })

  it('a file that nobody approved, and a name that nobody may have', async () => {
    await start(
      withPolicy({
        unclaimed: [
          { pattern: 'demo', mode: 'approve' },
          { pattern: '*', mode: 'deny' },
        ],
      }),
    )
    offer(first)
    await index.page('demo')
    const file = await explain('demo/1.0')
    assert.deepEqual([file.rule.kind, file.rule.of, file.newest], ['approval', 'demo', null])
    assert.equal(file.next, 'Ask for it: waxseal request demo==1.0')
    for (const text of await channels(first)) {
      assert.match(text, /Files of demo need an approval here\. Ask for it: waxseal request demo==1\.0$/)
    }
    const other = await explain('other')
    assert.deepEqual(
      [other.rule.kind, other.rule.of, other.next],
      ['default', '*', 'Ask for it: waxseal request other'],
    )
  })

  it('a name under a namespace, one of this index, and one of an upstream', async () => {
    await start({ prefixes: ['corp'] })
    const reserved = await explain('corp-x')
    assert.deepEqual(
      [reserved.rule.kind, reserved.rule.of, reserved.decision?.by],
      ['namespace', 'corp', 'configuration'],
    )
    assert.match(String(reserved.next), /waxseal project claim corp-x/)
    assert.equal((await index.upload(buildWheel({ name: 'ours', version: '2.0' }))).status, 200)
    const ours = await explain('ours')
    assert.deepEqual([ours.rule.kind, ours.decision?.by, ours.newest, ours.next], ['claim', 'admin', '2.0', null])
    offer(first)
    await index.page('demo')
    await ask(index.fileUrl(first))
    const theirs = await explain('demo')
    assert.deepEqual(
      [theirs.rule.kind, theirs.rule.of, theirs.decision?.by],
      ['upstream', 'upstream', 'first-download'],
    )
    const absent = await explain('demo/9.9')
    assert.match(String(absent.next), /Nothing is known of demo 9\.9.*demo==1\.0/)
  })

  it('a sealed name: by whom, and what waits for its holders', async () => {
    await start()
    offer(first)
    await index.page('demo')
    await ask(index.fileUrl(first))
    const since = new Date(START).toISOString()
    const record = { rev: 2, prev: null, authority: 'upstream', sources: ['upstream'], closed: false } as const
    const body = writeNameRecord({ name: 'demo', ...record, lifts: [], since, by: 'ada' }).toString()
    const target = { role: `sealed-${shardOf('demo')}`, path: recordTarget('demo'), sha256: 'a'.repeat(64) }
    assert.equal((await explain('demo')).sealed, null)
    await index.index.store.transaction((tx) =>
      tx
        .insertInto('target')
        .values({ ...target, body, superseded_at: null })
        .execute(),
    )
    await deny({ overlay: 'blocked', reason: 'a worm' })
    assert.equal((await explain('demo')).openings.length, 0)
    assert.equal((await index.manage('POST', '/denials/1/lift', { reason: 'harmless' })).status, 200)
    const { sealed, openings, denials, next } = await explain('demo')
    assert.deepEqual([sealed?.role, sealed?.rev, sealed?.by], [target.role, 2, 'ada'])
    assert.deepEqual(
      openings.map(({ kind, askedBy }) => [kind, askedBy]),
      [['lift', 'admin']],
    )
    assert.equal(denials[0]?.waits, true)
    assert.match(String(next), /the holders of its seal sign that: waxseal seal/)
  })
})

it('the page says what the document says', async () => {
  await start()
  offer(first, third)
  await index.page('demo')
  await deny({ version: '1.5', overlay: 'blocked', reason: 'a worm' })
  const { text } = await ask(`${index.url}/why/demo/1.5`)
  for (const said of ['denial 1', 'Use demo==1.0, the newest that is allowed', 'waxseal request demo==1.5', 'a worm']) {
    assert.ok(text.includes(said), `${said}\n${text}`)
  }
})
