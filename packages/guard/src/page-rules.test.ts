import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SimpleFile } from '@waxseal/packaging'
import { ALL_DEFENCES } from './defences.ts'
import { readNameRecord } from './name-record.ts'
import type { NameFacts } from './page-rules.ts'
import { applyRules } from './page-rules.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const SINCE = 1_790_000_000
const WHEEL: SimpleFile = { filename: 'demo-1.0-py3-none-any.whl', url: 'x', sha256: A, yanked: false }
const NOTHING: NameFacts = {
  project: 'demo',
  record: undefined,
  developers: undefined,
  pinned: new Map(),
  quarantined: undefined,
  wheelsOnly: false,
  now: (SINCE + 86_400) * 1000,
}

const pinnedAs = (sha256: string): NameFacts['pinned'] => new Map([[WHEEL.filename, { sha256, since: SINCE }]])
const record = (sources: readonly string[]): NonNullable<NameFacts['record']> =>
  readNameRecord('demo', Buffer.from(JSON.stringify({ name: 'demo', rev: 1, authority: 'internal', sources })))
const judged = (file: SimpleFile, facts: Partial<NameFacts> = {}): string => {
  const { offered, withheld } = applyRules([file], { ...NOTHING, ...facts }, ALL_DEFENCES)
  assert.equal(offered.length + withheld.length, 1)
  return offered[0]?.trust ?? withheld[0]?.code ?? ''
}

describe('What is handed on of a signed page', () => {
  test('is signed where nothing else is known', () => assert.equal(judged(WHEEL), 'signed'))

  test('HASH-NONE: never what has no sha256', () => {
    const { sha256: _, ...unhashed } = WHEEL
    assert.equal(judged(unhashed), 'file-unverified')
  })

  test('WSI-1: never a file of another project', () => {
    assert.equal(judged({ ...WHEEL, filename: 'other-1.0-py3-none-any.whl' }), 'file-unverified')
    assert.equal(judged({ ...WHEEL, filename: 'demo-1.0.exe' }), 'file-unverified')
    assert.equal(judged({ ...WHEEL, filename: 'Demo-1.0-1-py3-none-any.whl' }), 'signed')
    assert.equal(judged({ ...WHEEL, filename: 'demo-1.0.tar.gz' }), 'signed')
    assert.equal(judged({ ...WHEEL, filename: 'demo.x-1.0-py3-none-any.whl' }), 'file-unverified')
  })

  test('is pinned where this guard saw the same hash before, with the day', () => {
    const { offered } = applyRules([WHEEL], { ...NOTHING, pinned: pinnedAs(A) }, ALL_DEFENCES)
    assert.deepEqual({ trust: offered[0]?.trust, since: offered[0]?.since }, { trust: 'pinned', since: SINCE })
  })

  test('is not pinned yet where it was seen a moment ago: an attacker can answer twice', () => {
    assert.equal(judged(WHEEL, { pinned: pinnedAs(A), now: (SINCE + 60) * 1000 }), 'signed')
  })

  test('IDX-REPL: never what this guard saw with another hash, and says since when and the way out', () => {
    const { withheld } = applyRules([WHEEL], { ...NOTHING, pinned: pinnedAs(B) }, ALL_DEFENCES)
    assert.equal(withheld[0]?.code, 'file-changed')
    assert.match(withheld[0]?.reason ?? '', /2026-09-21.*waxseal trust forget demo$/)
  })

  test('API-STATUS: is nothing while the project is quarantined, whatever the page lists', () => {
    assert.equal(judged(WHEEL, { quarantined: 'malware' }), 'name-refused')
  })

  test('BD-1: is no source archive where only wheels are wanted', () => {
    assert.equal(judged({ ...WHEEL, filename: 'demo-1.0.tar.gz' }, { wheelsOnly: true }), 'source-archive')
    assert.equal(judged(WHEEL, { wheelsOnly: true }), 'signed')
  })

  test('comes from a source that the record of the name allows, and from no other', () => {
    const from = (source: unknown): SimpleFile => ({ ...WHEEL, extra: { _source: source } })
    assert.equal(judged(from('internal'), { record: record(['internal']) }), 'signed')
    assert.equal(judged(from('pypi'), { record: record(['internal']) }), 'file-unverified')
    assert.equal(judged(from(['internal']), { record: record(['internal']) }), 'file-unverified')
    assert.equal(judged(WHEEL, { record: record(['internal']) }), 'file-unverified')
    assert.equal(judged(from('internal'), { record: record([]) }), 'file-unverified')
  })

  test("KC-3: is under the developers' keys, where a project has such, with that very hash", () => {
    const under = (sha256: string, sealed = false): Partial<NameFacts> => ({
      developers: new Map([[WHEEL.filename, { sha256, sealed }]]),
    })
    assert.equal(judged(WHEEL, under(A)), 'signed')
    assert.equal(judged(WHEEL, under(A, true)), 'sealed')
    assert.equal(judged(WHEEL, under(B, true)), 'file-unverified')
    assert.equal(judged(WHEEL, { developers: new Map() }), 'file-unverified')
    // What developers replaced is refused all the same where it was seen before.
    assert.equal(judged(WHEEL, { ...under(A, true), pinned: pinnedAs(B) }), 'file-changed')
  })
})

describe('The record of a name', () => {
  const read = (changes: object): unknown =>
    readNameRecord(
      'demo',
      Buffer.from(JSON.stringify({ name: 'demo', rev: 3, authority: 'upstream', sources: ['pypi'], ...changes })),
    )

  test('is read whole', () => {
    assert.deepEqual(read({}), { name: 'demo', rev: 3, authority: 'upstream', sources: ['pypi'] })
  })

  for (const [what, changes] of Object.entries({
    'another name': { name: 'other' },
    'no revision': { rev: 0 },
    'a revision that is no number': { rev: '3' },
    'an authority of later': { authority: 'virtual' },
    'no sources': { sources: 'pypi' },
    'something that a later guard may need': { providers: [] },
  })) {
    test(`with ${what} lets nothing through`, () => {
      assert.throws(() => read(changes), { code: 'name-refused' })
    })
  }

  test('that is no JSON lets nothing through', () => {
    assert.throws(() => readNameRecord('demo', Buffer.from('{')), { code: 'name-refused' })
    assert.throws(() => readNameRecord('demo', Buffer.from('[]')), { code: 'name-refused' })
  })
})
