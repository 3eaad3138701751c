import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Namespaces, recordTarget, shardOf, writeNameRecord } from '@waxseal/index/names'
import type { DefaultPolicy, NameRecord } from '@waxseal/index/names'
import { recordOf } from '../../packages/index/src/names/record-of.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, REFRESH_MS, START, startIndex } from './index-under-test.ts'
import type { IndexUnderTest } from './index-under-test.ts'
import { code, simulated } from './offered.ts'

/** Names whose files need an approval (attacks.md 6.5 row 14; APP-TOCTOU). */

let first: Simulator
let second: Simulator
let index: IndexUnderTest

before(async () => {
  first = await startSimulator()
  second = await startSimulator()
})
afterEach(async () => {
  for (const upstream of [first, second]) {
    upstream.clearFaults()
    upstream.removeProject('demo')
  }
  await index[Symbol.asyncDispose]()
})
after(async () => {
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})

const one = buildWheel({ name: 'demo', version: '1.0' })
const two = buildWheel({ name: 'demo', version: '1.0', tag: 'py3-none-win_amd64' })
const offer = (upstream: Simulator, ...files: readonly Distribution[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map((file) => ({ ...simulated(file), metadata: Buffer.from(file.metadata) })),
  })

const approving: DefaultPolicy = { unclaimed: [{ pattern: '*', mode: 'approve' }], cooldown: 0, approvals: 1 }

async function start(policy: Partial<DefaultPolicy> = {}): Promise<void> {
  index = await startIndex({ upstreams: { first, second }, policy: { ...approving, ...policy } })
}

const approve = (sha256s: readonly string[], token?: string) =>
  index.manage('POST', '/projects/demo/approvals', { sha256s }, token)
const offered = async (): Promise<readonly (readonly [string, boolean])[]> =>
  (await index.page('demo')).files.map(({ filename, yanked }) => [filename, typeof yanked === 'string'])
const codes = async (file: Distribution) => [
  code(await ask(index.fileUrl(file))),
  code(await ask(`${index.fileUrl(file)}.metadata`)),
]

describe('where files need an approval', () => {
  it('they are listed as yanked with the way out, and given out once their bytes are approved', async () => {
    await start()
    offer(second, one, two)
    const before = await index.page('demo')
    for (const { yanked } of before.files) {
      assert.equal(
        yanked,
        'Files of demo need an approval here. Ask for it: waxseal request demo==1.0 (see /why/demo/1.0 of this index)',
      )
    }
    assert.deepEqual(await codes(one), ['file-unapproved', 'file-unapproved'])
    assert.equal((await approve([one.sha256])).status, 200)
    assert.deepEqual(await offered(), [
      [one.filename, false],
      [two.filename, true],
    ])
    assert.deepEqual(
      [await codes(one), await codes(two)],
      [
        [undefined, undefined],
        ['file-unapproved', 'file-unapproved'],
      ],
    )
    const namesOf = { namespaces: new Namespaces(), upstreams: ['first', 'second'], policy: approving }
    const record = await recordOf(index.index.store.db, 'demo', namesOf)
    assert.deepEqual([record?.closed, record?.files], [true, new Map([[one.filename, one.sha256]])])
  })

  it('an approval decides whose a name is that nobody decided about, as its first download would', async () => {
    await start()
    offer(second, one)
    assert.equal((await approve([one.sha256])).status, 200)
    offer(first, two)
    const why = (await ask(`${index.url}/why/demo`, { headers: { accept: 'application/json' } })).json() as {
      readonly source: string
      readonly decisions: readonly { readonly actor: string; readonly sentence: string }[]
    }
    assert.equal(why.source, 'second')
    assert.deepEqual(
      why.decisions.map(({ actor, sentence }) => [actor, sentence]),
      [
        ['admin', `Approved ${one.filename} (sha256 ${one.sha256}).`],
        ['admin', 'Belongs to the upstream second (first: 404, second: has it).'],
      ],
    )
  })

  it('nothing is decided while an upstream before it does not answer', async () => {
    await start()
    offer(second, one)
    first.setFault('/simple/demo/', { kind: 'status', status: 500 })
    const answer = await approve([one.sha256])
    assert.deepEqual([answer.status, code(answer)], [503, 'upstream-unavailable'])
    assert.deepEqual(await index.index.store.db.selectFrom('decision').selectAll().execute(), [])
  })

  it('APP-TOCTOU: what was added or replaced since somebody looked is not approved with it', async () => {
    await start()
    const replaced = buildWheel({ name: 'demo', version: '1.0', module: 'EVIL = 1\n' })
    // Looked at was `one`; by the time of the approval other bytes lie under its name.
    offer(first, replaced)
    const answer = await approve([one.sha256])
    assert.deepEqual([answer.status, code(answer)], [404, 'not-found'])
    assert.match((answer.json() as { detail: string }).detail, /no file with the sha256 .* look at its files again/)
    assert.deepEqual(await codes(replaced), ['file-unapproved', 'file-unapproved'])
    // Nothing of a list with one wrong hash is approved.
    assert.equal((await approve([replaced.sha256, one.sha256])).status, 404)
    assert.deepEqual(await codes(replaced), ['file-unapproved', 'file-unapproved'])
    assert.equal((await approve([replaced.sha256])).status, 200)
    offer(first, replaced, two)
    index.pass(REFRESH_MS)
    assert.deepEqual(await offered(), [
      [one.filename, false],
      [two.filename, true],
    ])
    assert.deepEqual(await codes(two), ['file-unapproved', 'file-unapproved'])
  })

  it('row 14: as many people have to approve as the default says, and one counts once', async () => {
    await start({ approvals: 2 })
    offer(first, one)
    await index.page('demo')
    assert.equal(((await approve([one.sha256])).json() as { changed: boolean }).changed, true)
    assert.equal(((await approve([one.sha256])).json() as { changed: boolean }).changed, false)
    const refusal = await ask(index.fileUrl(one))
    assert.equal(code(refusal), 'file-unapproved')
    assert.match(refusal.reason, /need an approval here \(1 of 2 so far\)/)
    assert.equal((await approve([one.sha256], await index.token('admin'))).status, 200)
    assert.deepEqual(await codes(one), [undefined, undefined])
    const withdrawn = await index.manage('POST', '/projects/demo/approvals/withdraw', { sha256s: [one.sha256] })
    assert.equal(withdrawn.status, 200)
    assert.deepEqual(await codes(one), ['file-unapproved', 'file-unapproved'])
    assert.deepEqual((await index.manage('GET', '/projects/demo/approvals')).json(), { needed: 2, approvals: [] })
  })

  it('names of this index, and names that are denied by default, have nothing to approve', async () => {
    const unclaimed = [{ pattern: '*', mode: 'deny' }] as const
    await start({ unclaimed })
    offer(first, one)
    first.clearRequests()
    const denied = await approve([one.sha256])
    assert.deepEqual([denied.status, code(denied)], [403, 'name-unclaimed'])
    assert.match((denied.json() as { detail: string }).detail, /pattern "demo" and the mode "approve"/)
    assert.deepEqual(first.requestsFor('/simple/demo/'), [])
    assert.deepEqual((await index.page('demo')).files, [])
    assert.equal((await index.upload(one)).status, 200)
    assert.equal((await approve([one.sha256])).status, 400)
  })

  it('approvals of a sealed name that is closed wait for its holders, and say so', async () => {
    await start()
    offer(first, one)
    assert.equal((await approve([one.sha256])).status, 200)
    const record: NameRecord = {
      name: 'demo',
      rev: 2,
      prev: null,
      authority: 'upstream',
      sources: ['first'],
      files: new Map([[one.filename, one.sha256]]),
      closed: true,
      lifts: [],
      since: new Date(START).toISOString(),
      by: 'ada',
    }
    const target = { role: `sealed-${shardOf('demo')}`, path: recordTarget('demo'), sha256: 'a'.repeat(64) }
    await index.index.store.transaction((tx) =>
      tx
        .insertInto('target')
        .values({ ...target, body: writeNameRecord(record).toString(), superseded_at: null })
        .execute(),
    )
    offer(first, one, two)
    index.pass(REFRESH_MS)
    await index.page('demo')
    const answer = (await approve([two.sha256])).json() as { readonly changed: boolean; readonly waits: string }
    assert.equal(answer.changed, true)
    assert.match(answer.waits, /^Approved\. demo is sealed: guards take these files once the holders/)
  })
})
