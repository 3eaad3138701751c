import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalizeProjectName } from '@waxseal/packaging'
import fc from 'fast-check'
import { answerFor } from './authority.ts'
import type { MergeRule } from './merge-rule.ts'
import { Namespaces } from '../names/namespaces.ts'

/** Names in normal form. */
const segment = fc.stringMatching(/^[a-z0-9]{1,6}$/)
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('-'))

const coveringPrefix = (project: string, prefixes: readonly string[]): string | undefined =>
  Namespaces.configured(prefixes).covering(project)?.name

describe('a granted prefix (PEP 752; attacks.md NAME-NS)', () => {
  for (const [covered, by] of [
    ['corp', 'corp'],
    ['corp-foo', 'corp'],
    ['corp-foo-bar', 'corp'],
    ['corp-team-x', 'corp-team'],
  ] as const) {
    it(`${covered} is covered by ${by}`, () => assert.equal(coveringPrefix(covered, ['corp', 'corp-team']), by))
  }
  for (const free of ['corporate', 'corpfoo', 'my-corp', 'cor', 'c']) {
    it(`${free} is not covered by corp`, () => assert.equal(coveringPrefix(free, ['corp']), undefined))
  }

  it('covers exactly itself and what follows it after a dash', () => {
    fc.assert(
      fc.property(name, name, (prefix, other) => {
        const expected = other === prefix || other.startsWith(`${prefix}-`)
        assert.equal(coveringPrefix(other, [prefix]) !== undefined, expected)
        assert.equal(coveringPrefix(`${prefix}-${other}`, [prefix]), prefix)
        assert.equal(coveringPrefix(`${prefix}${other.replaceAll('-', '')}`, [prefix]), undefined)
      }),
    )
  })

  it('is the longest that covers, in whatever order they were granted', () => {
    fc.assert(
      fc.property(name, fc.array(name, { maxLength: 6 }), (project, prefixes) => {
        const covering = prefixes.filter((prefix) => project === prefix || project.startsWith(`${prefix}-`))
        const longest = covering.toSorted((a, b) => b.length - a.length)[0]
        assert.equal(coveringPrefix(project, prefixes), longest)
        assert.equal(coveringPrefix(project, prefixes.toReversed()), longest)
      }),
    )
  })

  it('NAME-CASE, DC-13: every spelling of a covered name is covered once it is normal', () => {
    const separators = fc.array(fc.constantFrom('-', '_', '.', '--', '._'), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 2, maxLength: 4 }),
        separators,
        fc.boolean(),
        (parts, between, upper) => {
          const spelled = parts.map((part, at) => (at === 0 ? part : `${between[at - 1]}${part}`)).join('')
          const [prefix = ''] = parts
          assert.equal(coveringPrefix(normalizeProjectName(upper ? spelled.toUpperCase() : spelled), [prefix]), prefix)
        },
      ),
    )
  })
})

const PLATFORM: MergeRule = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' }

describe('who answers for a name (attacks.md 6.5)', () => {
  const config = { namespaces: Namespaces.configured(['corp']), upstreams: ['pypi', 'partner'] }
  const internal = { authority: 'internal', upstream: null, merge: null } as const
  const unclaimed = { authority: 'unclaimed', upstream: 'pypi', merge: null } as const
  const upstream = { authority: 'upstream', upstream: 'partner', merge: null } as const
  const merged = { authority: 'merged', upstream: 'pypi', merge: PLATFORM } as const
  const approving = {
    ...config,
    policy: {
      unclaimed: [
        { pattern: 'torch', mode: 'deny' as const },
        { pattern: 'x-*', mode: 'open' as const },
        { pattern: '*', mode: 'approve' as const },
      ],
      cooldown: 0,
      approvals: 1,
    },
  }

  it('rows 5-8: a registered internal name, whatever it is called', () => {
    assert.deepEqual(answerFor('foo', internal, config), { kind: 'internal' })
    assert.deepEqual(answerFor('corp-foo', internal, config), { kind: 'internal' })
    assert.deepEqual(answerFor('torch', internal, approving), { kind: 'internal' })
  })
  it('row 4, DC-11, DC-15: the namespace, over whatever an upstream was to the name', () => {
    for (const project of [undefined, unclaimed, upstream]) {
      assert.deepEqual(answerFor('corp-foo', project, config), { kind: 'reserved', prefix: 'corp' })
    }
  })
  it('rows 15-20: a merge is a statement about the very name, also under a namespace', () => {
    assert.deepEqual(answerFor('foo', merged, approving), { kind: 'merged', merge: PLATFORM })
    assert.deepEqual(answerFor('corp-foo', merged, config), { kind: 'merged', merge: PLATFORM })
  })
  it('rows 10, 13: the decided upstream, configured still or not', () => {
    const decided = { kind: 'upstream', upstream: 'partner', needsApproval: false } as const
    assert.deepEqual(answerFor('foo', upstream, config), decided)
    assert.deepEqual(answerFor('foo', upstream, { namespaces: new Namespaces(), upstreams: [] }), decided)
    assert.deepEqual(answerFor('torch', upstream, approving), decided)
  })
  it('rows 1, 3: nobody yet, although a page of pypi is shown meanwhile', () => {
    assert.deepEqual(answerFor('foo', undefined, config), { kind: 'undecided', needsApproval: false })
    assert.deepEqual(answerFor('foo', unclaimed, config), { kind: 'undecided', needsApproval: false })
    assert.deepEqual(answerFor('x-ray', undefined, approving), { kind: 'undecided', needsApproval: false })
    // A prefix pattern does not cover the bare name.
    assert.deepEqual(answerFor('x', undefined, approving), { kind: 'undecided', needsApproval: true })
  })
  it('rows 2, 14: the default for what nobody claimed: denied, or file by file', () => {
    assert.deepEqual(answerFor('torch', undefined, approving), { kind: 'refused', pattern: 'torch' })
    assert.deepEqual(answerFor('foo', unclaimed, approving), { kind: 'undecided', needsApproval: true })
    assert.deepEqual(answerFor('foo', upstream, approving), {
      kind: 'upstream',
      upstream: 'partner',
      needsApproval: true,
    })
  })
})
