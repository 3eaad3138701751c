import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, REFRESH_MS, START, startIndex } from './index-under-test.ts'
import type { IndexUnderTest } from './index-under-test.ts'
import { code, simulated } from './offered.ts'

/** Files of upstreams have to be of some age (design.md section 8; attacks.md COOL-1 to COOL-3, 6.5 row 11). */

const HOUR = 3_600_000
const DAY = 24 * HOUR
let upstream: Simulator
let index: IndexUnderTest

before(async () => {
  upstream = await startSimulator()
})
beforeEach(async () => {
  upstream.removeProject('demo')
  const policy = { unclaimed: [], cooldown: 3 * 86_400, approvals: 1 }
  index = await startIndex({ upstreams: { upstream }, policy })
})
afterEach(() => index[Symbol.asyncDispose]())
after(() => upstream[Symbol.asyncDispose]())

const old = buildWheel({ name: 'demo', version: '1.0' })
const young = buildWheel({ name: 'demo', version: '2.0', module: 'WHERE = 2\n' })
const at = (file: Distribution, time: number | undefined) => ({
  ...simulated(file),
  uploadTime: time === undefined ? undefined : new Date(time).toISOString(),
  metadata: Buffer.from(file.metadata),
})
type Listed = ReturnType<typeof at>
const offer = (...files: readonly Listed[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map(({ uploadTime, ...file }) => ({ ...file, ...(uploadTime === undefined ? {} : { uploadTime }) })),
  })
const yanks = async (): Promise<readonly (boolean | string | undefined)[]> =>
  (await index.page('demo')).files.map(({ yanked }) => yanked)

it('row 11: a young file is listed as yanked with the time, and neither it nor its metadata is given out', async () => {
  offer(at(old, START - 30 * DAY), at(young, START - DAY))
  const [first, second] = await yanks()
  assert.equal(first ?? false, false)
  assert.equal(
    second,
    'It is withheld until 2026-03-03 12:00 UTC: files of upstreams have to be 3 days old here. Ask for it: waxseal request demo==2.0 (see /why/demo/2.0 of this index)',
  )
  assert.equal((await ask(index.fileUrl(old))).status, 200)
})

it('COOL-3: a lock that names a young file does not get it, by address and hash', async () => {
  offer(at(old, START - 30 * DAY), at(young, START - DAY))
  for (const address of [index.fileUrl(young), `${index.fileUrl(young)}.metadata`]) {
    const answer = await ask(address)
    assert.deepEqual([answer.status, code(answer)], [403, 'file-cooldown'])
    assert.match(answer.reason, /withheld until 2026-03-03 12:00 UTC/)
  }
})

it('the page changes when the time has come, by the clock alone: no request, no write (design.md section 3)', async () => {
  offer(at(old, START - 30 * DAY), at(young, START - DAY))
  await yanks()
  const { store, management } = index.index
  const page = async () =>
    store.db.selectFrom('page').select(['snapshot', 'body_sha256']).where('project', '=', 'demo').executeTakeFirst()
  const before = await page()
  index.pass(2 * DAY - 1)
  await management.settled()
  assert.deepEqual(await page(), before)
  upstream.clearRequests()
  index.pass(1)
  await management.settled()
  assert.notEqual((await page())?.snapshot, before?.snapshot)
  assert.deepEqual(upstream.requests, [])
  assert.deepEqual(
    (await yanks()).map((yanked) => yanked ?? false),
    [false, false],
  )
  assert.equal((await ask(index.fileUrl(young))).status, 200)
  const actions = await store.db.selectFrom('journal').select('action').where('project', '=', 'demo').execute()
  assert.ok(actions.some(({ action }) => action === 'clock'))
})

it('COOL-1: an upload time that is set back to before a listing without the file does not make it old', async () => {
  offer(at(old, START - 30 * DAY))
  await yanks()
  index.pass(REFRESH_MS)
  const seen = START + REFRESH_MS
  offer(at(old, START - 30 * DAY), at(young, START - 2000 * DAY))
  const [, second] = await yanks()
  const until = new Date(seen + 3 * DAY).toISOString().slice(0, 16).replace('T', ' ')
  assert.match(String(second), new RegExp(`withheld until ${until} UTC`))
  assert.equal(code(await ask(index.fileUrl(young))), 'file-cooldown')
})

it('COOL-1: nor does one 404 of the upstream, whose page comes back with it; what was seen before goes on ageing', async () => {
  offer(at(old, START - 30 * DAY), at(young, START - DAY))
  assert.equal((await ask(index.fileUrl(old))).status, 200, 'the name is the upstream’s from now on')
  const asOf = new Date(START + 2 * DAY).toISOString().slice(0, 16).replace('T', ' ')
  for (const absences of [1, 2]) {
    for (let absence = 0; absence < absences; absence += 1) {
      index.pass(REFRESH_MS)
      upstream.removeProject('demo')
      assert.equal((await index.page('demo')).files.length, 1, 'the one that is kept')
    }
    const newest = buildWheel({ name: 'demo', version: `3.${absences}` })
    index.pass(REFRESH_MS)
    const seen = index.index.clock.now()
    offer(at(old, START - 30 * DAY), at(young, START - DAY), at(newest, seen - REFRESH_MS - 1))
    const until = new Date(seen + 3 * DAY).toISOString().slice(0, 16).replace('T', ' ')
    const [first, second, third] = await yanks()
    assert.equal(first ?? false, false)
    assert.match(String(second), new RegExp(`withheld until ${asOf} UTC`))
    assert.match(String(third), new RegExp(`withheld until ${until} UTC`))
    assert.equal(code(await ask(index.fileUrl(newest))), 'file-cooldown')
  }
})

it('COOL-1: the same holds for a name that nobody has decided about', async () => {
  offer(at(old, START - 30 * DAY))
  await yanks()
  upstream.removeProject('demo')
  index.pass(REFRESH_MS)
  assert.equal((await ask(`${index.url}/simple/demo/`)).status, 404)
  index.pass(REFRESH_MS)
  offer(at(old, START - 30 * DAY), at(young, START - 2000 * DAY))
  const [first, second] = await yanks()
  assert.equal(first ?? false, false)
  assert.match(String(second), /withheld until 2026-03-04 12:22 UTC/)
})

it('COOL-1: the first look at a project believes its times, or all its past would be new', async () => {
  offer(at(old, START - 2000 * DAY))
  assert.equal((await ask(index.fileUrl(old))).status, 200)
})

it('COOL-2: a file without an upload time is as old as our knowledge of it', async () => {
  offer(at(young, undefined))
  const [first] = await yanks()
  assert.match(String(first), /withheld until 2026-03-04 12:00 UTC/)
  assert.equal(code(await ask(index.fileUrl(young))), 'file-cooldown')
})

it('COOL-4: an approval of the bytes ends it, and files of this index have none', async () => {
  offer(at(young, START - DAY))
  const approved = await index.manage('POST', '/projects/demo/approvals', { sha256s: [young.sha256] })
  assert.equal(approved.status, 200, approved.text)
  assert.equal((await ask(index.fileUrl(young))).status, 200)
  const own = buildWheel({ name: 'own', version: '1.0' })
  assert.equal((await index.upload(own)).status, 200)
  assert.equal((await ask(index.fileUrl(own))).status, 200)
})
