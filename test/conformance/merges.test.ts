import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { ask, REFRESH_MS, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'
import { code, simulated } from './offered.ts'

/** Two sources of one name, by an explicit decision (attacks.md 6.5 rows 15 to 20; EXD-4; DC-2). */

let upstream: Simulator
let index: IndexUnderTest

before(async () => {
  upstream = await startSimulator()
})
beforeEach(async () => {
  upstream.removeProject('demo')
  index = await startIndex({ upstreams: { upstream } })
})
afterEach(() => index[Symbol.asyncDispose]())
after(() => upstream[Symbol.asyncDispose]())

const own = buildWheel({ name: 'demo', version: '1.0' })
const theirs = buildWheel({ name: 'demo', version: '1.0', tag: 'cp311-cp311-manylinux_2_17_x86_64' })
const offer = (...files: readonly Distribution[]): void =>
  upstream.addProject({
    name: 'demo',
    files: files.map((file) => ({ ...simulated(file), metadata: Buffer.from(file.metadata) })),
  })
const RULE = {
  owner: 'local',
  extender: 'upstream',
  extend: 'platform-wheels',
  reason: 'they build for more platforms',
}
const merge = (rule: Readonly<Record<string, unknown>> = RULE): Promise<Answer> =>
  index.manage('PUT', '/projects/demo/merge', rule)
const codes = async (file: Distribution): Promise<readonly unknown[]> => {
  const [whole, sidecar] = [await ask(index.fileUrl(file)), await ask(`${index.fileUrl(file)}.metadata`)]
  return [whole.status, code(whole), code(sidecar)]
}
const conflicts = async (): Promise<readonly unknown[]> => {
  const rows = index.index.store.db.selectFrom('event').select('detail').where('kind', '=', 'merge-conflict')
  return (await rows.execute()).map(({ detail }) => JSON.parse(detail) as unknown)
}

describe('this index is the owner, an upstream adds platform wheels', () => {
  beforeEach(async () => {
    assert.equal((await index.upload(own)).status, 200)
  })

  it('row 15: wheels of a release of the owner with the same metadata stand beside its own', async () => {
    offer(theirs)
    assert.equal((await merge()).status, 200)
    assert.deepEqual((await index.filenames('demo')).toSorted(), [own.filename, theirs.filename].toSorted())
    assert.deepEqual(
      [await codes(own), await codes(theirs)],
      [
        [200, undefined, undefined],
        [200, undefined, undefined],
      ],
    )
    const why = (await ask(`${index.url}/why/demo`, { headers: { accept: 'application/json' } })).json() as {
      readonly decisions: readonly { readonly sentence: string }[]
    }
    assert.equal(
      why.decisions[0]?.sentence,
      'Merged: belongs to local, upstream may add to it (platform-wheels); agreed by admin, the administrator, for the owner’s side: they build for more platforms',
    )
  })

  it('row 16, EXD-4: a wheel of the same release that says other things is not offered', async () => {
    const evil = buildWheel({
      name: 'demo',
      version: '1.0',
      tag: 'cp311-cp311-manylinux_2_17_x86_64',
      requires: ['evil'],
    })
    offer(evil)
    await merge()
    assert.deepEqual(await index.filenames('demo'), [own.filename])
    assert.deepEqual(await codes(evil), [409, 'file-merge-conflict', 'file-merge-conflict'])
  })

  it('row 17: releases that the owner does not have are not added', async () => {
    const newer = buildWheel({ name: 'demo', version: '2.0', tag: 'cp311-cp311-manylinux_2_17_x86_64' })
    offer(theirs, newer)
    await merge()
    assert.deepEqual((await index.page('demo')).versions, ['1.0'])
    assert.deepEqual(await codes(newer), [403, 'file-merge-refused', 'file-merge-refused'])
  })

  it('row 19: the same file of both is one', async () => {
    offer(own)
    await merge()
    assert.deepEqual(await index.filenames('demo'), [own.filename])
    assert.deepEqual(await codes(own), [200, undefined, undefined])
    assert.deepEqual(await conflicts(), [])
  })

  it('row 20, DC-2: other bytes under a file name of the owner are never given out, and that is told once', async () => {
    const other = buildWheel({ name: 'demo', version: '1.0', module: 'EVIL = 1\n' })
    assert.equal(other.filename, own.filename)
    offer(other)
    await merge()
    assert.deepEqual(
      (await index.page('demo')).files.map(({ hashes }) => hashes['sha256']),
      [own.sha256],
    )
    assert.deepEqual(await codes(other), [409, 'file-merge-conflict', 'file-merge-conflict'])
    assert.deepEqual(await codes(own), [200, undefined, undefined])
    const told = { source: 'upstream', count: 1, files: [{ filename: own.filename, sha256: other.sha256 }] }
    assert.deepEqual(await conflicts(), [told])
    offer(other, theirs)
    index.pass(REFRESH_MS)
    await index.page('demo')
    assert.deepEqual(await conflicts(), [told])
  })

  it('its own files are yanked and deleted as before, and what they were called stays theirs (NAME-REUSE)', async () => {
    const wheel = buildWheel({
      name: 'demo',
      version: '1.0',
      tag: 'cp311-cp311-manylinux_2_17_x86_64',
      module: 'A = 1\n',
    })
    assert.equal((await index.upload(wheel)).status, 200)
    offer(theirs)
    await merge()
    const yanked = await index.manage('PUT', '/projects/demo/releases/1.0/yank', { reason: 'broken' })
    assert.equal(yanked.status, 200, yanked.text)
    assert.deepEqual(
      (await index.page('demo')).files.map((file) => file.yanked),
      ['broken', 'broken'],
    )
    const deleted = await index.manage('DELETE', `/projects/demo/files/${wheel.filename}`)
    assert.equal(deleted.status, 200, deleted.text)
    assert.equal(wheel.filename, theirs.filename)
    assert.deepEqual(await index.filenames('demo'), [own.filename])
    assert.deepEqual(await codes(theirs), [403, 'file-merge-refused', 'file-merge-refused'])
    assert.equal((await index.manage('PUT', '/projects/demo/members/admin', { role: 'owner' })).status, 200)
  })

  it('NAME-REUSE: nor does another spelling of a deleted wheel take its place, nor that of one that is there (FN-AMB)', async () => {
    const tagged = (name: string, module?: string): Distribution => ({
      ...buildWheel({
        name: 'demo',
        version: '1.0',
        tag: 'py2.py3-none-any',
        ...(module === undefined ? {} : { module }),
      }),
      filename: name,
    })
    const ours = tagged('demo-1.0-py2.py3-none-any.whl', 'A = 1\n')
    const spellings = ['demo-1.0-py3.py2-none-any.whl', 'demo-1.0.0-py2.py3-none-any.whl'].map((name) => tagged(name))
    assert.equal((await index.upload(ours)).status, 200)
    offer(theirs, ...spellings)
    await merge()
    const given = [own.filename, theirs.filename]
    assert.deepEqual((await index.filenames('demo')).toSorted(), [...given, ours.filename].toSorted())
    for (const file of spellings) assert.equal((await codes(file))[1], 'file-merge-conflict', file.filename)
    const deleted = await index.manage('DELETE', `/projects/demo/files/${ours.filename}`)
    assert.equal(deleted.status, 200, deleted.text)
    assert.deepEqual((await index.filenames('demo')).toSorted(), given.toSorted())
    for (const file of spellings) assert.equal((await codes(file))[1], 'file-merge-refused', file.filename)
  })

  it('NAME-REUSE: a release that its owner deleted is not added as an older one, whatever its files are called', async () => {
    const [newer, older] = ['2.0', '0.9'].map((version) => buildWheel({ name: 'demo', version })) as [
      Distribution,
      Distribution,
    ]
    assert.equal((await index.upload(newer)).status, 200)
    const deleted = await index.manage('DELETE', '/projects/demo/releases/1.0')
    assert.equal(deleted.status, 200, deleted.text)
    const release = [
      theirs,
      buildWheel({ name: 'demo', version: '1.0.0' }),
      buildSdist({ name: 'demo', version: '1.0' }),
    ]
    offer(older, ...release)
    const merged = await merge({ ...RULE, extend: 'older-versions', versions: '<2' })
    assert.equal(merged.status, 200, merged.text)
    assert.deepEqual((await index.filenames('demo')).toSorted(), [older.filename, newer.filename].toSorted())
    for (const file of release) assert.equal((await codes(file))[1], 'file-merge-refused', file.filename)
  })

  it('ends: the name goes on with its owner alone, and what was added is not given out', async () => {
    offer(theirs)
    await merge()
    await index.page('demo')
    const ended = await index.manage('POST', '/projects/demo/unmerge', { reason: 'not needed any more' })
    assert.equal(ended.status, 200, ended.text)
    assert.deepEqual(await index.filenames('demo'), [own.filename])
    assert.deepEqual(await codes(theirs), [403, 'name-reserved', 'name-reserved'])
    assert.equal((await index.upload(theirs)).status, 200, 'an upload is the owner’s again')
  })
})

it('row 18: an upstream is the owner, and this index adds a patched release', async () => {
  const original = buildWheel({ name: 'demo', version: '2.1' })
  const next = buildWheel({ name: 'demo', version: '2.2' })
  offer(original, next)
  assert.equal((await ask(index.fileUrl(original))).status, 200)
  const rule = { owner: 'upstream', extender: 'local', extend: 'newer-than-fork', newer: 'hold', reason: 'CVE-2026-1' }
  assert.equal((await merge(rule)).status, 200)
  const patched = buildWheel({ name: 'demo', version: '2.1+corp.1' })
  const upload = await index.upload(patched)
  assert.equal(upload.status, 200, upload.text)
  assert.deepEqual((await index.page('demo')).versions.toSorted(), ['2.1', '2.1+corp.1'])
  assert.deepEqual(await codes(patched), [200, undefined, undefined])
  assert.deepEqual(await codes(next), [403, 'file-merge-refused', 'file-merge-refused'])
  assert.equal((await merge({ ...rule, newer: 'follow' })).status, 200)
  assert.deepEqual((await index.page('demo')).versions.toSorted(), ['2.1', '2.1+corp.1', '2.2'])
})

it('a merge changes no hands, and wants one source here and one that is configured', async () => {
  offer(own)
  for (const [rule, status] of [
    [RULE, 409],
    [{ ...RULE, owner: 'upstream', extender: 'elsewhere' }, 400],
    [{ ...RULE, owner: 'upstream', extender: 'upstream' }, 400],
    [{ ...RULE, owner: 'elsewhere', extender: 'local' }, 400],
    [{ ...RULE, extend: 'older-versions' }, 400],
    [{ ...RULE, extend: 'older-versions', versions: '<<2' }, 400],
    [{ ...RULE, newer: 'hold' }, 400],
    [{ ...RULE, reason: ' ' }, 400],
  ] as const) {
    const answer = await merge(rule)
    assert.equal(answer.status, status, answer.text)
  }
  assert.equal((await index.manage('POST', '/projects/demo/claim')).status, 200)
  const turned = await merge({ ...RULE, owner: 'upstream', extender: 'local' })
  assert.deepEqual([turned.status, code(turned)], [409, 'conflict'])
  assert.equal((await merge()).status, 200)
  assert.equal(((await merge()).json() as { changed: boolean }).changed, false)
})
