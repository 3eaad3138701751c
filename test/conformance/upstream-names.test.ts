import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { JSON_PAGE, REFRESH_MS, ask, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'

/** design.md section 8: a name belongs to one upstream, decided once, at its first download. */

const simulated = (file: Distribution) => ({
  filename: file.filename,
  bytes: file.bytes,
  uploadTime: '2024-03-01T12:00:00.000000Z',
})

const code = (answer: Answer): string => (answer.json() as { code: string }).code

let first: Simulator
let second: Simulator
let index: IndexUnderTest

before(async () => {
  first = await startSimulator()
  second = await startSimulator()
})
beforeEach(async () => {
  for (const upstream of [first, second]) {
    upstream.clearFaults()
    upstream.removeProject('demo')
    upstream.clearRequests()
  }
  index = await startIndex({ upstreams: { first, second } })
})
afterEach(() => index[Symbol.asyncDispose]())
after(async () => {
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})

const one = buildWheel({ name: 'demo', version: '1.0' })
const two = buildWheel({ name: 'demo', version: '2.0', module: 'WHERE = 2\n' })
const offer = (upstream: Simulator, ...files: readonly Distribution[]): void =>
  upstream.addProject({ name: 'demo', files: files.map(simulated) })

interface Explained {
  readonly authority: string
  readonly source: string | null
  readonly decisions: readonly { readonly rev: number; readonly actor: string; readonly body: unknown }[]
  readonly events: readonly { readonly kind: string }[]
}
const explained = async (): Promise<Explained> =>
  (await ask(`${index.url}/why/demo`, { headers: { accept: 'application/json' } })).json() as Explained

describe('a name that nobody claimed', () => {
  it('row 1: is 404 where no upstream has it, as plain text for old clients and as a problem for new ones', async () => {
    const old = await ask(`${index.url}/simple/demo/`)
    assert.deepEqual([old.status, old.headers['content-type']], [404, 'text/plain; charset=UTF-8'])
    assert.match(old.text, /^404 Not Found\n/)
    const modern = await ask(`${index.url}/simple/demo/`, { headers: JSON_PAGE })
    assert.deepEqual([modern.status, modern.headers['content-type']], [404, 'application/problem+json'])
  })

  it('row 3: is shown from its upstream, and a page view decides nothing', async () => {
    offer(first, one)
    assert.deepEqual(await index.filenames('demo'), [one.filename])
    assert.deepEqual((await explained()).decisions, [])
    assert.equal((await explained()).authority, 'unclaimed')
  })

  it('heals for who goes by addresses alone: a file that was withdrawn and came back is given out again (UPS-DEL)', async () => {
    offer(first, one, two)
    assert.equal((await ask(index.fileUrl(two))).status, 200)
    offer(first, two)
    index.pass(REFRESH_MS)
    assert.equal((await index.page('demo')).files.length, 1)
    assert.equal(code(await ask(index.fileUrl(one))), 'file-withdrawn')
    offer(first, one, two)
    index.pass(REFRESH_MS)
    assert.equal((await ask(index.fileUrl(one))).status, 200)
  })

  it('is not decided by HEAD or by its metadata, which resolvers ask of what they never install; only by a download', async () => {
    first.addProject({ name: 'demo', files: [{ ...simulated(one), metadata: Buffer.from(one.metadata) }] })
    await index.filenames('demo')
    const address = index.fileUrl(one)
    assert.equal((await ask(address, { method: 'HEAD' })).status, 200)
    const sidecar = await ask(`${address}.metadata`)
    assert.deepEqual([sidecar.status, sidecar.text], [200, one.metadata])
    assert.equal((await ask(`${address}.metadata`)).status, 200, 'kept by now')
    assert.deepEqual((await explained()).decisions, [])
    assert.equal((await ask(address)).status, 200)
    assert.deepEqual(
      (await explained()).decisions.map(({ rev, actor }) => [rev, actor]),
      [[1, 'first-download']],
    )
  })

  it('belongs to the upstream of its first download, by a recorded decision with its evidence', async () => {
    offer(second, two)
    assert.equal((await ask(index.fileUrl(two))).status, 200)
    const { authority, source, decisions } = await explained()
    assert.deepEqual([authority, source], ['upstream', 'second'])
    assert.deepEqual(
      decisions.map(({ rev, actor, body }) => ({ rev, actor, body })),
      [
        {
          rev: 1,
          actor: 'first-download',
          body: { kind: 'upstream', upstream: 'second', evidence: ['first: 404', 'second: has it'] },
        },
      ],
    )
  })

  it('is decided once when fifty first downloads come together', async () => {
    offer(first, one)
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(index.fileUrl(one))))
    assert.ok(answers.every(({ status, bytes }) => status === 200 && bytes.equals(one.bytes)))
    assert.equal((await explained()).decisions.length, 1)
    assert.equal(first.requestsFor('/files/').length, 1)
  })

  it('is not decided by asking for a file that it does not have', async () => {
    offer(first, one)
    await ask(index.fileUrl({ ...one, sha256: '0'.repeat(64) }))
    assert.deepEqual((await explained()).decisions, [])
  })

  for (const fault of [
    { kind: 'status', status: 500 },
    { kind: 'close' },
    { kind: 'garbage' },
    { kind: 'html-error' },
  ] as const) {
    it(`an error of the first upstream (${fault.kind}) stops the search: 503, and the second is not believed`, async () => {
      offer(second, two)
      first.setFault('/simple/demo/', fault)
      const page = await ask(`${index.url}/simple/demo/`, { headers: JSON_PAGE })
      assert.deepEqual([page.status, code(page)], [503, 'upstream-unavailable'])
      assert.equal(page.headers['cache-control'], 'no-store')
      const file = await ask(index.fileUrl(two))
      assert.deepEqual([file.status, code(file)], [503, 'upstream-unavailable'])
      assert.deepEqual(second.requests, [])
      assert.deepEqual((await explained()).decisions, [])
      first.clearFaults()
      index.pass(REFRESH_MS)
      assert.deepEqual(await index.filenames('demo'), [two.filename], 'the next good answer heals')
    })
  }

  it('401 of an upstream is an error, not an authenticated 404', async () => {
    offer(second, two)
    first.setFault('/simple/demo/', { kind: 'status', status: 401 })
    assert.equal((await ask(`${index.url}/simple/demo/`)).status, 503)
    assert.deepEqual(second.requests, [])
  })

  it('the first upstream in order wins where both have it, and files of two are never merged (DC-3)', async () => {
    offer(first, one)
    offer(second, two)
    assert.deepEqual(await index.filenames('demo'), [one.filename])
    assert.equal((await ask(index.fileUrl(two))).status, 404)
    assert.deepEqual(second.requests, [])
  })

  it('follows the order while undecided: appears earlier, vanishes again, and the page is never empty', async () => {
    offer(second, two)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    offer(first, one)
    index.pass(REFRESH_MS)
    assert.deepEqual(await index.filenames('demo'), [one.filename])
    first.removeProject('demo')
    index.pass(REFRESH_MS)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    second.removeProject('demo')
    index.pass(REFRESH_MS)
    assert.equal((await ask(`${index.url}/simple/demo/`)).status, 404)
    assert.deepEqual(await index.listed(), [])
  })

  it('is gone, from the list too, once its upstream is taken out of the configuration', async () => {
    offer(second, two)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    assert.deepEqual(await index.listed(), ['demo'])
    await using without = await startIndex({ upstreams: { first }, dataDir: index.dataDir })
    assert.equal((await ask(`${without.url}/simple/demo/`)).status, 404)
    assert.deepEqual(await without.listed(), [])
  })

  it('follows the order back to an upstream whose page is still fresh', async () => {
    offer(second, two)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    // The first upstream is asked again after its 404 is forgotten, long before the second's page is stale.
    index.pass(61_000)
    offer(first, one)
    assert.deepEqual(await index.filenames('demo'), [one.filename])
    first.removeProject('demo')
    await index.index.store.transaction((tx) =>
      tx
        .updateTable('upstream_page')
        .set({ checked_at: '2026-01-01T00:00:00.000Z' })
        .where('upstream', '=', 'first')
        .execute(),
    )
    index.pass(1_000)
    assert.equal((await index.upload(buildWheel({ name: 'other', version: '1.0' }))).status, 200)
    await using again = await startIndex({ upstreams: { first, second }, dataDir: index.dataDir })
    assert.deepEqual(await again.filenames('demo'), [two.filename])
  })
})

describe('a decided name', () => {
  beforeEach(async () => {
    offer(second, two)
    assert.equal((await ask(index.fileUrl(two))).status, 200)
    index.pass(REFRESH_MS)
    first.clearRequests()
    second.clearRequests()
  })

  it('DC-17: appearing at an earlier upstream later changes nothing, and that one is not asked', async () => {
    offer(first, one)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    assert.equal((await ask(index.fileUrl(one))).status, 404)
    assert.deepEqual(first.requests, [])
  })

  it('row 13: stays with its upstream when that one says 404: stored files stay, yanked, and nobody else is asked', async () => {
    offer(first, one)
    second.removeProject('demo')
    const page = await index.page('demo')
    assert.deepEqual(
      page.files.map(({ filename }) => filename),
      [two.filename],
    )
    assert.match(String(page.files[0]?.yanked), /No longer offered by second/)
    const document = (await ask(`${index.url}/pypi/demo/json`)).json() as { info: Record<string, unknown> }
    assert.deepEqual([document.info['yanked'], document.info['yanked_reason']], [true, page.files[0]?.yanked])
    const file = await ask(index.fileUrl(two))
    assert.ok(file.status === 200 && file.bytes.equals(two.bytes))
    assert.deepEqual(first.requests, [])
  })

  for (const next of ['304', '404'] as const) {
    it(`row 13: is back where a server of the version before has seen it again, in a rolling upgrade, also if ${next} comes next`, async () => {
      offer(second, one, two)
      await index.page('demo')
      const { db } = index.index.store
      const listing = db.selectFrom('upstream_page').select(['etag', 'absent']).where('upstream', '=', 'second')
      const { etag } = await listing.executeTakeFirstOrThrow()
      second.removeProject('demo')
      index.pass(REFRESH_MS)
      assert.deepEqual(await index.filenames('demo'), [two.filename])
      assert.equal((await listing.executeTakeFirstOrThrow()).absent, 1)
      // What 0.1.0 writes at a 200: it knows nothing of `absent`.
      const at = new Date(index.index.clock.now()).toISOString()
      await index.index.store.transaction(async (tx) => {
        await tx.updateTable('upstream_page').set({ etag, checked_at: at }).where('upstream', '=', 'second').execute()
        await tx.updateTable('file').set({ withdrawn_at: null }).where('source', '=', 'second').execute()
        const entry = { project: 'demo', action: 'refresh', at, actor: 'upstream:second', snapshot: null } as const
        await tx.insertInto('journal').values(entry).execute()
      })
      assert.equal((await index.upload(buildWheel({ name: 'other', version: '1.0' }))).status, 200, 'that publishes')
      if (next === '304') {
        offer(second, one, two)
        index.pass(REFRESH_MS)
        assert.deepEqual(await index.filenames('demo'), [one.filename, two.filename])
        assert.deepEqual({ ...(await listing.executeTakeFirstOrThrow()) }, { etag, absent: 0 })
        second.removeProject('demo')
      }
      index.pass(REFRESH_MS)
      assert.deepEqual(await index.filenames('demo'), [two.filename])
      assert.equal(code(await ask(index.fileUrl(one))), 'file-withdrawn')
    })
  }

  it('row 13: is served from what was admitted while its upstream is down', async () => {
    second.setFault('/', { kind: 'close' })
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    assert.equal((await ask(index.fileUrl(two))).status, 200)
  })

  it('row 13: a quarantine of the upstream does not lift by the project’s going away there', async () => {
    second.addProject({ name: 'demo', files: [simulated(two)], status: { status: 'quarantined', reason: 'malware' } })
    assert.deepEqual(await index.filenames('demo'), [])
    second.removeProject('demo')
    index.pass(REFRESH_MS)
    const page = await index.page('demo')
    assert.deepEqual([page.files, page['project-status']], [[], { status: 'quarantined', reason: 'malware' }])
    assert.equal(code(await ask(index.fileUrl(two))), 'file-quarantined')
    offer(second, two)
    index.pass(REFRESH_MS)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
  })

  it('row 13: a quarantine of the upstream closes here at once, and lifts with it', async () => {
    second.addProject({ name: 'demo', files: [simulated(two)], status: { status: 'quarantined', reason: 'malware' } })
    const page = await index.page('demo')
    assert.deepEqual([page.files, page['project-status']], [[], { status: 'quarantined', reason: 'malware' }])
    const file = await ask(index.fileUrl(two))
    assert.deepEqual([file.status, code(file)], [403, 'file-quarantined'])
    assert.equal((await ask(`${index.url}/pypi/demo/json`)).status, 404)
    assert.deepEqual(await index.listed(), [])
    offer(second, two)
    index.pass(REFRESH_MS)
    assert.equal((await ask(index.fileUrl(two))).status, 200, 'a lock file needs no page view for that')
    assert.deepEqual(await index.filenames('demo'), [two.filename])
  })

  it('only an administrator of the whole index quarantines what is not ours', async () => {
    const limited = await index.token('admin', 'demo')
    const answer = await index.manage('PUT', '/projects/demo/status', { status: 'quarantined' }, limited)
    assert.deepEqual([answer.status, code(answer)], [403, 'name-not-yours'])
    const archive = await index.manage('PUT', '/projects/demo/status', { status: 'archived' })
    assert.deepEqual([archive.status, code(archive)], [403, 'name-upstream'])
    assert.deepEqual(await index.filenames('demo'), [two.filename])
  })

  it('DC-12: a redirect of the upstream never becomes one of ours', async () => {
    second.addAnswer('/moved/demo/', {
      headers: { 'content-type': 'text/html' },
      body: Buffer.from(`<a href="/files/demo/${two.filename}#sha256=${two.sha256}">${two.filename}</a>`),
    })
    second.setFault('/simple/demo/', { kind: 'redirect', to: '/moved/demo/' })
    const page = await ask(`${index.url}/simple/demo/`, { headers: JSON_PAGE })
    assert.deepEqual([page.status, page.headers.location], [200, undefined])
    second.setFault('/simple/demo/', { kind: 'redirect', to: 'http://127.0.0.1:9/simple/demo/' })
    index.pass(REFRESH_MS)
    const elsewhere = await ask(`${index.url}/simple/demo/`, { headers: JSON_PAGE })
    assert.deepEqual([elsewhere.status, elsewhere.headers.location], [200, undefined])
    assert.deepEqual(
      (elsewhere.json() as { files: { filename: string }[] }).files.map(({ filename }) => filename),
      [two.filename],
    )
  })

  it('row 12, UPS-REPL: other bytes under an admitted name are an event; the admitted ones stay', async () => {
    const replaced = buildWheel({ name: 'demo', version: '2.0', module: 'EVIL = 1\n' })
    offer(second, replaced)
    const page = await index.page('demo')
    assert.deepEqual(
      page.files.map(({ hashes }) => hashes['sha256']),
      [two.sha256],
    )
    assert.equal((await ask(index.fileUrl(replaced))).status, 404)
    assert.ok((await ask(index.fileUrl(two))).bytes.equals(two.bytes))
    assert.deepEqual(
      (await explained()).events.map(({ kind }) => kind),
      ['upstream-mutated'],
    )
  })

  it('row 10: an upload to it is refused, with the reason, for everybody but by a deliberate claim', async () => {
    const ours = buildWheel({ name: 'demo', version: '3.0' })
    for (const token of [index.admin, await index.token('upload')]) {
      const answer = await index.upload(ours, token)
      assert.equal(answer.status, 403)
      assert.match(answer.reason, /belongs to 'second'/)
      assert.equal((answer.json() as { reason: string }).reason, 'name-upstream')
    }
    assert.deepEqual(await index.filenames('demo'), [two.filename])
    assert.equal((await index.manage('POST', '/projects/demo/claim')).status, 200)
    assert.deepEqual(await index.filenames('demo'), [])
    assert.equal((await ask(index.fileUrl(two))).status, 403)
    assert.equal((await index.upload(ours)).status, 200)
    assert.deepEqual(await index.filenames('demo'), [ours.filename])
  })

  it('stays its upstream’s when that one is taken out of the configuration', async () => {
    const { dataDir } = index
    offer(first, one)
    await using without = await startIndex({ upstreams: { first }, dataDir })
    assert.deepEqual(await without.filenames('demo'), [two.filename])
    assert.ok((await ask(without.fileUrl(two))).bytes.equals(two.bytes))
    assert.deepEqual(first.requests, [])
  })

  it('a prefix that is granted later wins over the decision (row 4)', async () => {
    await using granted = await startIndex({ upstreams: { first, second }, dataDir: index.dataDir, prefixes: ['demo'] })
    second.clearRequests()
    assert.deepEqual(await granted.filenames('demo'), [])
    const file = await ask(granted.fileUrl(two))
    assert.deepEqual([file.status, code(file)], [403, 'name-reserved'])
    assert.deepEqual(await granted.listed(), [])
    assert.deepEqual([first.requests, second.requests], [[], []])
  })
})

describe('claiming a name by uploading to it', () => {
  const ours = buildWheel({ name: 'demo', version: '3.0' })

  it('an upload token claims what no upstream has, with the evidence', async () => {
    assert.equal((await index.upload(ours, await index.token('upload'))).status, 200)
    assert.deepEqual(
      (await explained()).decisions.map(({ body }) => body),
      [{ kind: 'claim', by: 'upload', evidence: ['first: 404', 'second: 404'] }],
    )
  })

  it('an upload token may not claim what an upstream has', async () => {
    offer(second, two)
    const answer = await index.upload(ours, await index.token('upload'))
    assert.equal(answer.status, 403)
    assert.match(answer.reason, /exists upstream at 'second'/)
    assert.deepEqual(await index.filenames('demo'), [two.filename])
  })

  it('nothing is claimed while an upstream cannot be asked: 403 name-claim-unverified', async () => {
    first.setFault('/', { kind: 'status', status: 503 })
    const answer = await index.upload(ours, await index.token('upload'))
    assert.equal(answer.status, 403)
    assert.equal((answer.json() as { reason: string }).reason, 'name-claim-unverified')
    assert.deepEqual((await explained()).decisions, [])
  })

  it('an administrator claims it whatever upstreams have, and none is asked (DC-19)', async () => {
    offer(first, one)
    assert.equal((await index.upload(ours)).status, 200)
    assert.deepEqual([first.requests, second.requests], [[], []])
    assert.deepEqual(await index.filenames('demo'), [ours.filename])
  })

  it('a token for one project never makes it (TOK-2)', async () => {
    const answer = await index.upload(ours, await index.token('upload', 'demo'))
    assert.deepEqual([answer.status, (answer.json() as { reason: string }).reason], [403, 'name-not-yours'])
  })
})

describe('what an administrator quarantines', () => {
  it('is 200 without files and never 404, whatever its upstream says (row 27)', async () => {
    offer(first, one)
    assert.deepEqual(await index.filenames('demo'), [one.filename])
    const quarantine = { status: 'quarantined', reason: 'under review' }
    assert.equal((await index.manage('PUT', '/projects/demo/status', quarantine)).status, 200)
    const closed = async (): Promise<void> => {
      const page = await index.page('demo')
      assert.deepEqual([page.files, page['project-status']], [[], quarantine])
      const file = await ask(index.fileUrl(one))
      assert.deepEqual([file.status, code(file)], [403, 'file-quarantined'])
      assert.equal((await ask(`${index.url}/pypi/demo/json`)).status, 404)
      assert.deepEqual(await index.listed(), [])
    }
    await closed()
    first.removeProject('demo')
    index.pass(REFRESH_MS)
    await closed()
    first.setFault('/', { kind: 'close' })
    index.pass(REFRESH_MS)
    await closed()
  })
})

describe('local version labels of an upstream', () => {
  const labelled = { ...one, filename: 'demo-1.0+cu118-py3-none-any.whl' }
  const virtual = { ...two, filename: 'demo-2.0+virtual.1-py3-none-any.whl' }

  it('DC-6: are offered where the upstream may have them, but never those that begin with virtual', async () => {
    first.addProject({ name: 'demo', files: [labelled, virtual].map(simulated) })
    assert.deepEqual(await index.filenames('demo'), [labelled.filename])
  })

  it('DC-6: are left out where the configuration says so, as for PyPI', async () => {
    first.addProject({ name: 'demo', files: [labelled, virtual, two].map(simulated) })
    await using strict = await startIndex({ upstreams: { first }, withoutLocalVersions: ['first'] })
    assert.deepEqual(await strict.filenames('demo'), [two.filename])
  })
})
