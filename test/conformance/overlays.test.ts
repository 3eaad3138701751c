import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { recordTarget, shardOf, writeNameRecord } from '@waxseal/index/names'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, basic, JSON_PAGE, REFRESH_MS, START, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'
import { code, simulated } from './offered.ts'

/** Quarantine and block of a name, a release and a file (attacks.md 6.5 rows 27 to 29; API-STATUS; QUAR-2). */

let upstream: Simulator
let index: IndexUnderTest

before(async () => {
  upstream = await startSimulator()
})
beforeEach(async () => {
  upstream.clearFaults()
  upstream.removeProject('demo')
  index = await startIndex({ upstreams: { upstream }, prefixes: ['corp'] })
})
afterEach(() => index[Symbol.asyncDispose]())
after(() => upstream[Symbol.asyncDispose]())

const one = buildWheel({ name: 'demo', version: '1.0' })
const two = buildWheel({ name: 'demo', version: '2.0', module: 'WHERE = 2\n' })
const offer = (...files: readonly Distribution[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map((file) => ({ ...simulated(file), metadata: Buffer.from(file.metadata) })),
  })

interface Changed {
  readonly changed: boolean
  readonly denials?: readonly number[]
  readonly waits?: string
}

async function deny(body: Readonly<Record<string, unknown>>): Promise<number> {
  const answer = await index.manage('POST', '/denials', { overlay: 'quarantined', reason: 'it phones home', ...body })
  assert.equal(answer.status, 200, answer.text)
  const { changed, denials = [] } = answer.json() as Changed
  assert.ok(changed)
  assert.equal(denials.length, 1)
  return denials[0] ?? 0
}

async function lift(n: number): Promise<Changed> {
  const answer = await index.manage('POST', `/denials/${n}/lift`, { reason: 'looked at: harmless' })
  assert.equal(answer.status, 200, answer.text)
  return answer.json() as Changed
}

const json = (path: string): Promise<Answer> => ask(`${index.url}/pypi/${path}/json`)
const codes = async (file: Distribution): Promise<readonly (number | string | undefined)[]> => {
  const [whole, sidecar] = [await ask(index.fileUrl(file)), await ask(`${index.fileUrl(file)}.metadata`)]
  return [whole.status, code(whole), sidecar.status, code(sidecar)]
}

for (const overlay of ['quarantined', 'blocked'] as const) {
  for (const whose of ['internal', 'upstream'] as const) {
    const refused = [403, `file-${overlay}`, 403, `file-${overlay}`]
    const given = [200, undefined, 200, undefined]
    describe(`${overlay}, ${whose}`, () => {
      beforeEach(async () => {
        if (whose === 'upstream') offer(one, two)
        else for (const file of [one, two]) assert.equal((await index.upload(file)).status, 200)
        assert.deepEqual([await codes(one), await codes(two)], [given, given])
      })

      it('API-STATUS, row 27 and 28: a name shows a page without files, and no address or hash of it gives anything', async () => {
        const n = await deny({ project: 'Demo', overlay })
        const page = await index.page('demo')
        assert.deepEqual([page.files, page.versions], [[], []])
        assert.equal(page['project-status'].status, 'quarantined')
        assert.match(
          page['project-status'].reason ?? '',
          new RegExp(`^demo is ${overlay} since 2026-03-01 \\(denial ${n}\\): it phones home$`),
        )
        assert.deepEqual([await codes(one), await codes(two)], [refused, refused])
        assert.equal((await json('demo')).status, 404)
        const reason = (await ask(index.fileUrl(one))).reason
        assert.match(reason, /it phones home/)
        const upload = await index.upload(buildWheel({ name: 'demo', version: '3.0' }))
        assert.equal(upload.status, 403, upload.text)
        assert.equal((await lift(n)).changed, true)
        assert.deepEqual([await codes(one), await codes(two)], [given, given])
        assert.deepEqual(await index.filenames('demo'), [one.filename, two.filename])
      })

      it('a release is gone, in whatever spelling, and the others stay', async () => {
        const n = await deny({ project: 'demo', version: '2', overlay })
        assert.deepEqual(await index.filenames('demo'), [one.filename])
        assert.deepEqual([await codes(one), await codes(two)], [given, refused])
        assert.equal((await json('demo/2.0')).status, 404)
        assert.equal((await json('demo')).status, 200)
        await lift(n)
        assert.deepEqual(await codes(two), given)
      })

      it('row 29: a file is gone by its bytes, by hash or by name, and the page is as before but for it', async () => {
        for (const subject of [{ sha256: two.sha256 }, { filename: two.filename }]) {
          const n = await deny({ project: 'demo', overlay, ...subject })
          assert.deepEqual(await index.filenames('demo'), [one.filename])
          assert.deepEqual([await codes(one), await codes(two)], [given, refused])
          await lift(n)
          assert.deepEqual(await codes(two), given)
        }
      })
    })
  }
}

describe('a denial', () => {
  it('of a name that nothing is known of makes its page there and empty, and asks nobody', async () => {
    for (const name of ['demo', 'corp-tools']) {
      await deny({ project: name, overlay: 'blocked' })
      upstream.clearRequests()
      const page = await index.page(name)
      assert.deepEqual([page.files, page['project-status'].status], [[], 'quarantined'])
      assert.deepEqual(upstream.requests, [])
    }
    assert.deepEqual(await index.listed(), [])
    offer(one)
    assert.deepEqual(await codes(one), [403, 'file-blocked', 403, 'file-blocked'])
    assert.deepEqual(upstream.requests, [])
  })

  it('of a name is over when its time has come, for pages and files, without a request or a write', async () => {
    offer(one)
    assert.deepEqual(await codes(one), [200, undefined, 200, undefined])
    await deny({ project: 'demo', until: new Date(START + 3_600_000).toISOString() })
    assert.deepEqual(await codes(one), [403, 'file-quarantined', 403, 'file-quarantined'])
    index.pass(3_600_001)
    await index.index.management.settled()
    assert.deepEqual(await codes(one), [200, undefined, 200, undefined])
    assert.deepEqual(await index.filenames('demo'), [one.filename])
  })

  it('of a file asks its upstream nothing, and nothing that the upstream says opens it', async () => {
    offer(one, two)
    await codes(one)
    await deny({ project: 'demo', version: '1.0' })
    upstream.clearRequests()
    index.pass(REFRESH_MS)
    assert.deepEqual(await codes(one), [403, 'file-quarantined', 403, 'file-quarantined'])
    assert.deepEqual(upstream.requests, [])
  })

  it('stands over the status that an administrator sets', async () => {
    assert.equal((await index.upload(one)).status, 200)
    await deny({ project: 'demo', overlay: 'blocked' })
    assert.equal((await index.manage('PUT', '/projects/demo/status', { status: 'active' })).status, 200)
    assert.deepEqual(await codes(one), [403, 'file-blocked', 403, 'file-blocked'])
  })

  it('by bytes alone is of every project that has them, and by project of this one alone', async () => {
    const copy = { ...simulated(one), filename: 'other-1.0-py3-none-any.whl' }
    offer(one)
    upstream.addProject({ name: 'other', files: [copy] })
    await Promise.all([index.filenames('demo'), index.filenames('other')])
    const words = { overlay: 'blocked', reason: 'a known worm' }
    const n = await deny({ project: 'demo', sha256: one.sha256 })
    assert.deepEqual(await index.filenames('other'), [copy.filename])
    await lift(n)
    const answer = await index.manage('POST', '/denials', { sha256: one.sha256, ...words })
    assert.equal((answer.json() as Changed).denials?.length, 2, answer.text)
    assert.deepEqual([await index.filenames('demo'), await index.filenames('other')], [[], []])
    const none = await index.manage('POST', '/denials', { sha256: '0'.repeat(64), ...words })
    assert.equal(none.status, 404)
    upstream.removeProject('other')
  })

  it('of bytes that nobody has yet closes them when they come', async () => {
    await deny({ project: 'demo', sha256: one.sha256 })
    offer(one, two)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    assert.equal(code(await ask(index.fileUrl(one))), 'file-quarantined')
  })

  it('is made once, numbered for ever, and listed with who decided it', async () => {
    const first = await deny({ project: 'demo' })
    const again = await index.manage('POST', '/denials', {
      project: 'demo',
      overlay: 'quarantined',
      reason: 'it phones home',
    })
    assert.equal((again.json() as Changed).changed, false)
    await lift(first)
    assert.equal((await lift(first)).changed, false)
    const second = await deny({ project: 'demo' })
    assert.equal(second, first + 1)
    const { denials } = (await index.manage('GET', '/denials')).json() as { denials: Record<string, unknown>[] }
    assert.deepEqual(
      denials.map(({ n, by, standing, liftedBy }) => [n, by, standing, liftedBy]),
      [
        [second, 'admin', true, null],
        [first, 'admin', false, 'admin'],
      ],
    )
    const why = (await ask(`${index.url}/why/demo`, { headers: { accept: 'application/json' } })).json() as {
      decisions: { sentence: string }[]
    }
    assert.deepEqual(
      why.decisions.map(({ sentence }) => sentence),
      [
        `Quarantined the whole name (denial ${second}): it phones home`,
        `Lifted denial ${first}: looked at: harmless`,
        `Quarantined the whole name (denial ${first}): it phones home`,
      ],
    )
    const events = await index.index.store.db.selectFrom('event').select('kind').where('project', '=', 'demo').execute()
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['denied', 'lifted', 'denied'],
    )
  })

  it('needs a reason that can be signed, an end to come, and one subject', async () => {
    const words = { project: 'demo', overlay: 'quarantined', reason: 'r' }
    for (const [body, status] of [
      [{ ...words, reason: '' }, 400],
      [{ ...words, reason: 'two\u2028lines' }, 400],
      [{ ...words, until: new Date(START).toISOString() }, 400],
      [{ ...words, overlay: 'blocked', until: new Date(START + 1000).toISOString() }, 400],
      [{ ...words, version: '1.0', sha256: one.sha256 }, 400],
      [{ ...words, filename: 'unheard-of.whl' }, 404],
      [{ overlay: 'blocked', reason: 'r' }, 400],
    ] as const) {
      const answer = await index.manage('POST', '/denials', body)
      assert.equal(answer.status, status, answer.text)
    }
    assert.equal((await index.manage('POST', '/denials/7/lift', { reason: 'r' })).status, 404)
    assert.deepEqual((await index.manage('GET', '/denials')).json(), { denials: [] })
  })
})

const SEALED = {
  name: 'demo',
  rev: 1,
  prev: null,
  authority: 'upstream',
  sources: ['upstream'],
  closed: false,
  lifts: [],
  since: new Date(START).toISOString(),
  by: 'ada',
} as const

/** As if the holders had sealed `demo` to its upstream. */
async function seal(): Promise<void> {
  const target = { role: `sealed-${shardOf('demo')}`, path: recordTarget('demo'), sha256: 'a'.repeat(64) }
  await index.index.store.transaction((tx) =>
    tx
      .insertInto('target')
      .values({ ...target, body: writeNameRecord(SEALED).toString(), superseded_at: null })
      .execute(),
  )
}

const quarantineThere = (reason: string): void =>
  upstream.addProject({ name: 'demo', files: [simulated(one)], status: { status: 'quarantined', reason } })

it('QUAR-2: what the upstream of a sealed name has quarantined stays so when it lifts that, until the holders do', async () => {
  offer(one)
  await codes(one)
  await seal()
  quarantineThere('mal\u2028ware')
  index.pass(REFRESH_MS)
  assert.deepEqual(await index.filenames('demo'), [])
  offer(one)
  index.pass(REFRESH_MS)
  assert.deepEqual(await index.filenames('demo'), [])
  assert.deepEqual(await codes(one), [403, 'file-quarantined', 403, 'file-quarantined'])
  const listed = await index.manage('GET', '/denials')
  const { denials } = listed.json() as { denials: { n: number; reason: string; by: string }[] }
  assert.deepEqual(
    denials.map(({ reason, by }) => [reason, by]),
    [['upstream has quarantined it: mal ware', 'upstream:upstream']],
  )
  const { waits } = await lift(denials[0]?.n ?? 0)
  assert.match(waits ?? '', /^demo is sealed: it is lifted once the holders/)
  quarantineThere('again')
  index.pass(REFRESH_MS)
  await index.page('demo')
  assert.equal(((await index.manage('GET', '/denials')).json() as { denials: unknown[] }).denials.length, 1)
})

it('QUAR-2: so it does where the upstream gives a reason that is too long, cut within a character', async () => {
  offer(one)
  await codes(one)
  await seal()
  quarantineThere('\u{1f41b}'.repeat(600))
  index.pass(REFRESH_MS)
  assert.deepEqual(await index.filenames('demo'), [])
  offer(one)
  index.pass(REFRESH_MS)
  assert.deepEqual(await index.filenames('demo'), [])
  const { denials } = (await index.manage('GET', '/denials')).json() as { denials: { reason: string }[] }
  const said = 'upstream has quarantined it: '
  assert.deepEqual(
    denials.map(({ reason }) => reason),
    [said + '\u{1f41b}'.repeat((1000 - said.length - 1) / 2)],
  )
})

it('QUAR-2: the server alone does not lift what lies over a sealed name; what was asked waits for the holders', async () => {
  offer(one)
  await codes(one)
  const { store } = index.index
  await seal()
  const n = await deny({ project: 'demo' })
  for (const _ of [1, 2]) {
    const { changed, waits } = await lift(n)
    assert.equal(changed, false)
    assert.match(
      waits ?? '',
      /^demo is sealed: it is lifted once the holders of its seal have signed that \(waxseal seal\)\.$/,
    )
  }
  assert.deepEqual(await codes(one), [403, 'file-quarantined', 403, 'file-quarantined'])
  const openings = await store.db.selectFrom('opening').select(['project', 'kind', 'body', 'asked_by']).execute()
  assert.deepEqual(
    openings.map((row) => ({ ...row })),
    [{ project: 'demo', kind: 'lift', body: String(n), asked_by: 'admin' }],
  )
  const { denials } = (await index.manage('GET', '/denials')).json() as { denials: { waits: boolean }[] }
  assert.deepEqual(
    denials.map(({ waits }) => waits),
    [true],
  )
})

it('QUAR-1: whoever administers one project alone, or none, denies nothing', async () => {
  for (const token of [await index.token('upload'), await index.token('read'), await index.token('admin', 'demo')]) {
    const body = { project: 'demo', overlay: 'blocked', reason: 'r' }
    assert.equal((await index.manage('POST', '/denials', body, token)).status, 403)
  }
  const page = await ask(`${index.url}/simple/demo/`, { headers: { ...JSON_PAGE, ...basic(index.admin) } })
  assert.equal(page.status, 404)
})
