import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Denial } from '@waxseal/index/names'
import { NO_RECORD_SEEN, Pins } from './pins.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const file = (filename: string, sha256: string): { filename: string; sha256: string } => ({ filename, sha256 })
const seen = (files: readonly { filename: string; sha256: string }[], now = 5000): Parameters<Pins['note']>[1] => ({
  pageSha256: A,
  etag: '"e"',
  rendered: '',
  files,
  now,
})

const denial = (project: string, n: number): Denial => ({
  n,
  project,
  overlay: 'blocked',
  reason: 'malware',
  since: '2026-03-01T00:00:00Z',
})

const pinsIn = async (): Promise<{ path: string } & AsyncDisposable> => {
  const folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-pins-'))
  return { path: join(folder.path, 'pins.sqlite'), [Symbol.asyncDispose]: () => folder.remove() }
}

void test('what was seen first stays, whatever is seen later, by whichever guard', async () => {
  await using place = await pinsIn()
  using one = new Pins(place.path)
  using other = new Pins(place.path)
  assert.equal(one.of('demo'), undefined)
  one.note('demo', seen([file('a.whl', A)]))
  other.note('demo', seen([file('a.whl', B), file('b.whl', B)], 9000))
  assert.deepEqual(
    [...one.files('demo')],
    [
      ['a.whl', { sha256: A, since: 5 }],
      ['b.whl', { sha256: B, since: 9 }],
    ],
  )
  assert.deepEqual(one.count(), { projects: 1, files: 2 })
})

void test('RB-POL: of what guards saw of a record the highest stays, and of whether it is sealed what the newest shard says', async () => {
  await using place = await pinsIn()
  using one = new Pins(place.path)
  using other = new Pins(place.path)
  const recorded = (): unknown => {
    const { rev, sealedRev, shard, sealed } = one.of('demo') ?? NO_RECORD_SEEN
    return [rev, sealedRev, shard, sealed]
  }
  one.noteRecord('demo', { rev: 7, sealedRev: 0, shard: 0, sealed: false })
  assert.deepEqual(recorded(), [7, 0, 0, false])
  other.noteRecord('demo', { rev: 3, sealedRev: 4, shard: 2, sealed: true })
  assert.deepEqual(recorded(), [0, 4, 2, true], 'a seal ends what was claimed before')
  one.noteRecord('demo', { rev: 8, sealedRev: 4, shard: 3, sealed: false })
  other.noteRecord('demo', { rev: 3, sealedRev: 4, shard: 2, sealed: true })
  assert.deepEqual(recorded(), [8, 4, 3, false])
  one.note('demo', seen([file('a.whl', A)]))
  assert.deepEqual(recorded(), [8, 4, 3, false], 'whatever its page')
  assert.equal(one.forget('demo').rev, 8)
  one.note('demo', seen([]))
  assert.deepEqual(recorded(), [0, 0, 0, false])
})

void test('KC-3: another guard is told what holders sealed, and nothing that the server claimed or denied', async () => {
  await using place = await pinsIn()
  await using elsewhere = await pinsIn()
  using one = new Pins(place.path)
  using other = new Pins(elsewhere.path)
  one.noteRecord('demo', { rev: 3, sealedRev: 3, shard: 4, sealed: true })
  one.noteRecord('claimed', { rev: 99, sealedRev: 0, shard: 0, sealed: false })
  one.note('demo', seen([file('a.whl', A)]))
  one.decisions.keepDenials([denial('demo', 1)])
  one.decisions.noteRev('policy/namespaces.json', 2)
  assert.deepEqual(one.seals(), {
    sealed: [{ project: 'demo', rev: 3, shard: 4, sealed: true }],
    decided: [{ path: 'policy/namespaces.json', rev: 2 }],
  })
  other.noteRecord('demo', { rev: 0, sealedRev: 2, shard: 5, sealed: false })
  other.decisions.noteRev('policy/namespaces.json', 7)
  other.noteSeals(one.seals())
  assert.deepEqual(other.seals(), {
    sealed: [{ project: 'demo', rev: 3, shard: 5, sealed: false }],
    decided: [{ path: 'policy/namespaces.json', rev: 7 }],
  })
})

void test('what was seen by a version that knew nothing of seals is kept', async () => {
  await using place = await pinsIn()
  {
    using before = new DatabaseSync(place.path)
    before.exec(`create table pinned (
      project text primary key, page text not null, etag text not null, rev integer not null, rendered text not null,
      files text not null
    ) strict, without rowid;
    insert into pinned values ('demo', '${A}', '"e"', 7, '', '[["a.whl","${B}",5]]');`)
  }
  using pins = new Pins(place.path)
  assert.deepEqual(pins.of('demo'), { ...NO_RECORD_SEEN, pageSha256: A, etag: '"e"', rev: 7, rendered: '' })
  assert.deepEqual([...pins.files('demo')], [['a.whl', { sha256: B, since: 5 }]])
})

void test('KC-3: what one guard made of its page is not handed on where another saw other files meanwhile', async () => {
  await using place = await pinsIn()
  using one = new Pins(place.path)
  using other = new Pins(place.path)
  other.note('demo', seen([file('a.whl', B)]))
  one.note('demo', { ...seen([file('a.whl', A)]), rendered: '1:made' })
  assert.equal(one.of('demo')?.rendered, '')
  one.note('other', { ...seen([file('a.whl', A)]), rendered: '1:made' })
  assert.equal(one.of('other')?.rendered, '1:made')
})

void test('a name can be forgotten, and nothing else goes with it', async () => {
  await using place = await pinsIn()
  using pins = new Pins(place.path)
  pins.note('demo', seen([file('a.whl', A)]))
  pins.note('other', seen([file('b.whl', B)]))
  pins.noteRecord('demo', { rev: 7, sealedRev: 4, shard: 2, sealed: true })
  pins.decisions.keepDenials([denial('demo', 1), denial('demo', 2), denial('other', 3)])
  const nothing = { files: 0, rev: 0, wasSealed: false, denials: [], kept: [1, 2] }
  assert.deepEqual(pins.forget('demo'), { ...nothing, files: 1, rev: 4, wasSealed: true })
  assert.equal(pins.of('demo'), undefined)
  assert.deepEqual(pins.forget('demo'), nothing, 'what is denied is another matter')
  assert.deepEqual(pins.forget('demo', [2, 3]), { ...nothing, denials: [2], kept: [1] })
  assert.deepEqual(
    pins.decisions.denials('demo').map(({ n }) => n),
    [1],
    'one that is forgotten takes no other along',
  )
  assert.equal(pins.decisions.denials('other').length, 1)
  assert.equal(pins.files('other').size, 1)
})

void test('a file name that JavaScript has other plans for is a file name', async () => {
  await using place = await pinsIn()
  using pins = new Pins(place.path)
  pins.note('demo', seen([file('__proto__', A), file('constructor', B)]))
  assert.deepEqual([...pins.files('demo').keys()], ['__proto__', 'constructor'])
})

void test('a damaged file is said, with what to do', async () => {
  await using place = await pinsIn()
  await writeFile(place.path, 'not a database, and longer than the header of one would be: '.repeat(20))
  assert.throws(() => new Pins(place.path), { code: 'trust-unusable', message: /move it away/ })
})
