import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SimpleFile } from '@waxseal/packaging'
import { ALL_DEFENCES } from './defences.ts'
import { NO_FILE_RULES } from './name-rules.ts'
import type { FileRules } from './name-rules.ts'
import type { NameFacts } from './page-rules.ts'
import { applyRules } from './page-rules.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const SINCE = 1_790_000_000
const WHEEL: SimpleFile = { filename: 'demo-1.0-py3-none-any.whl', url: 'x', sha256: A, yanked: false }
const NOTHING: NameFacts = {
  project: 'demo',
  rules: NO_FILE_RULES,
  source: undefined,
  developers: undefined,
  pinned: new Map(),
  quarantined: undefined,
  wheelsOnly: false,
  now: (SINCE + 86_400) * 1000,
}

const pinnedAs = (sha256: string): NameFacts['pinned'] => new Map([[WHEEL.filename, { sha256, since: SINCE }]])
const ruled = (rules: Partial<FileRules>, source?: string): Partial<NameFacts> => ({
  rules: { ...NO_FILE_RULES, ...rules },
  source,
})
const from = (source: unknown): SimpleFile => ({ ...WHEEL, extra: { _source: source } })
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
    const local = ruled({ sources: ['local'] })
    assert.equal(judged(from('local'), local), 'signed')
    assert.equal(judged(from('pypi'), local), 'file-unverified')
    assert.equal(judged(from(['local']), local), 'file-unverified')
    assert.equal(judged(WHEEL, local), 'file-unverified')
    assert.equal(judged(from('local'), ruled({ sources: [] })), 'file-unverified')
  })

  test("comes from the page's source where it says none of its own", () => {
    assert.equal(judged(WHEEL, ruled({ sources: ['local'] }, 'local')), 'signed')
    assert.equal(judged(WHEEL, ruled({ sources: ['local'] }, 'pypi')), 'file-unverified')
    assert.equal(judged(from('pypi'), ruled({ sources: ['local'] }, 'local')), 'file-unverified')
    assert.equal(judged(from(['local']), ruled({ sources: ['local'] }, 'local')), 'file-unverified')
  })

  test('DC-1: is never of the index itself where nobody has claimed the name', () => {
    for (const sources of ['upstreams', 'unsaid'] as const) {
      assert.equal(judged(WHEEL, ruled({ sources }, 'pypi')), 'signed')
      assert.equal(judged(WHEEL, ruled({ sources }, 'local')), 'file-unverified')
      assert.equal(judged(from('local'), ruled({ sources }, 'pypi')), 'file-unverified')
    }
  })

  test('comes from anywhere where nothing is signed about names and the page says nothing either', () => {
    assert.equal(judged(WHEEL, ruled({ sources: 'unsaid' })), 'signed')
    assert.equal(judged(WHEEL, ruled({ sources: 'upstreams' })), 'file-unverified')
    assert.equal(judged(from('local'), ruled({ sources: 'unsaid' })), 'file-unverified')
  })

  test('KC-3: has the sha256 that the record gives it; sealed where that is', () => {
    const vouching = (sha256: string, more: Partial<FileRules> = {}): Partial<NameFacts> =>
      ruled({ sources: ['local'], vouched: new Map([[WHEEL.filename, sha256]]), ...more }, 'local')
    assert.equal(judged(WHEEL, vouching(A)), 'signed')
    assert.equal(judged(WHEEL, vouching(A, { sealed: true })), 'sealed')
    assert.equal(judged(WHEEL, { ...vouching(A, { sealed: true }), developers: new Map() }), 'sealed')
    assert.equal(judged(WHEEL, { ...vouching(A), developers: new Map() }), 'file-unverified')
    assert.equal(judged(WHEEL, vouching(B)), 'file-unverified')
    assert.equal(judged(WHEEL, { ...vouching(A, { sealed: true }), pinned: pinnedAs(B) }), 'file-changed')
  })

  test('APP-TOCTOU: is one that the record lists where that is closed', () => {
    const other = new Map([['demo-0.9-py3-none-any.whl', A]])
    assert.equal(judged(WHEEL, ruled({ closed: 'by-record', vouched: other })), 'file-unverified')
    assert.equal(judged(WHEEL, ruled({ closed: 'until-approved', vouched: other })), 'file-unapproved')
    assert.equal(judged(WHEEL, ruled({ closed: 'until-approved', vouched: new Map([[WHEEL.filename, A]]) })), 'signed')
  })

  test('is not denied: by its name, its release or its bytes, whoever vouches for it', () => {
    const denied = (what: object): Partial<NameFacts> =>
      ruled({
        sealed: true,
        vouched: new Map([[WHEEL.filename, A]]),
        denials: [
          { n: 1, project: 'demo', overlay: 'blocked', reason: 'malware', since: '2026-03-01T00:00:00Z', ...what },
        ],
      })
    assert.equal(judged(WHEEL, denied({ version: '1.0.0' })), 'denied')
    assert.equal(judged(WHEEL, denied({ sha256: A })), 'denied')
    assert.equal(judged(WHEEL, denied({})), 'denied')
    assert.equal(judged(WHEEL, denied({ version: '2.0' })), 'sealed')
    assert.equal(judged(WHEEL, denied({ sha256: B })), 'sealed')
  })

  test('COOL-1: is as old as holders want it, unless it was seen before or approved', () => {
    const now = (SINCE + 86_400) * 1000
    const cooling = ruled({ sources: 'upstreams', cooldown: 3 * 86_400 }, 'pypi')
    const aged = (days: number): SimpleFile => ({
      ...WHEEL,
      uploadTime: new Date(now - days * 86_400_000).toISOString(),
    })
    assert.equal(judged(aged(2), cooling), 'file-cooldown')
    assert.equal(judged(aged(4), cooling), 'signed')
    assert.equal(judged(WHEEL, cooling), 'file-cooldown', 'what does not say how old it is')
    assert.equal(judged(aged(2), { ...cooling, pinned: pinnedAs(A) }), 'pinned')
    const approved = ruled(
      { sources: 'upstreams', cooldown: 86_400 * 3, vouched: new Map([[WHEEL.filename, A]]) },
      'pypi',
    )
    assert.equal(judged(aged(2), approved), 'signed')
    assert.equal(judged(aged(2), ruled({ sources: ['local'], cooldown: 86_400 * 3 }, 'local')), 'signed')
    const { withheld } = applyRules([aged(2)], { ...NOTHING, ...cooling }, ALL_DEFENCES)
    assert.match(withheld[0]?.reason ?? '', /kept back until 2026-09-23.*3 days old.*waxseal request demo==1\.0$/)
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

describe('A merged name', () => {
  const wheel = (filename: string, source: string, metadata: string, sha256 = A): SimpleFile => ({
    ...WHEEL,
    filename,
    sha256,
    coreMetadata: { sha256: metadata },
    extra: { _source: source },
  })
  const merge = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' } as const
  const mergedWith = (rules: Partial<FileRules>, ...files: readonly SimpleFile[]): readonly string[] => {
    const facts = { ...NOTHING, ...ruled({ sources: ['local', 'pypi'], merge, ...rules }) }
    return applyRules(files, facts, ALL_DEFENCES).offered.map(({ file }) => file.filename)
  }
  const merged = (...files: readonly SimpleFile[]): readonly string[] => mergedWith({}, ...files)
  const own = wheel('demo-1.0-py3-none-any.whl', 'local', A)

  test('takes a wheel for another platform from its second source, of the same release with the same metadata', () => {
    const platform = 'demo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl'
    assert.deepEqual(merged(own, wheel(platform, 'pypi', A)), [own.filename, platform])
  })
  test('EXD-4: takes none that says other things about the release', () => {
    assert.deepEqual(merged(own, wheel('demo-1.0-cp313-cp313-any.whl', 'pypi', B)), [own.filename])
  })
  test('DC-1: takes no release that its owner does not have', () => {
    assert.deepEqual(merged(own, wheel('demo-99.0-py3-none-any.whl', 'pypi', A)), [own.filename])
  })
  test("DC-2: takes no other bytes under its owner's file name", () => {
    assert.deepEqual(merged(own, wheel('Demo-1.0-py3-none-any.whl', 'pypi', A, B)), [own.filename])
  })
  test('APP-TOCTOU, COOL-1: takes nothing of an upstream without approval, or too young, where holders want that of all names', () => {
    const platform = wheel('demo-1.0-cp313-cp313-any.whl', 'pypi', A)
    assert.deepEqual(mergedWith({ closed: 'until-approved' }, own, platform), [own.filename])
    assert.deepEqual(mergedWith({ cooldown: 60 }, own, platform), [own.filename])
    const vouched = new Map([[platform.filename, A]])
    assert.deepEqual(mergedWith({ closed: 'until-approved', cooldown: 60, vouched }, own, platform), [
      own.filename,
      platform.filename,
    ])
    assert.deepEqual(mergedWith({ closed: 'by-record' }, own, platform), [])
    for (const rules of [{ closed: 'until-approved' }, { cooldown: 60 }] as const) {
      const facts = { ...NOTHING, ...ruled({ sources: ['local', 'pypi'], merge, ...rules }) }
      assert.match(applyRules([own, platform], facts, ALL_DEFENCES).withheld[0]?.reason ?? '', /waxseal seal\.$/)
    }
  })
})
