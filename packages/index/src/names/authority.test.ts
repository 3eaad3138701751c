import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalizeProjectName } from '@waxseal/packaging'
import fc from 'fast-check'
import { answerFor, coveringPrefix } from './authority.ts'

/** Names in normal form. */
const segment = fc.stringMatching(/^[a-z0-9]{1,6}$/)
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('-'))

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

describe('who answers for a name (attacks.md 6.5)', () => {
  const config = { prefixes: ['corp'], upstreams: ['pypi', 'partner'] }
  const internal = { authority: 'internal', upstream: null } as const
  const unclaimed = { authority: 'unclaimed', upstream: 'pypi' } as const
  const upstream = { authority: 'upstream', upstream: 'partner' } as const

  it('rows 5-8: a registered internal name, whatever it is called', () => {
    assert.deepEqual(answerFor('foo', internal, config), { kind: 'internal' })
    assert.deepEqual(answerFor('corp-foo', internal, config), { kind: 'internal' })
  })
  it('row 4, DC-11, DC-15: the prefix, over whatever an upstream was to the name', () => {
    for (const project of [undefined, unclaimed, upstream]) {
      assert.deepEqual(answerFor('corp-foo', project, config), { kind: 'reserved', prefix: 'corp' })
    }
  })
  it('rows 10, 13: the decided upstream, configured still or not', () => {
    assert.deepEqual(answerFor('foo', upstream, config), { kind: 'upstream', upstream: 'partner' })
    assert.deepEqual(answerFor('foo', upstream, { prefixes: [], upstreams: [] }), {
      kind: 'upstream',
      upstream: 'partner',
    })
  })
  it('rows 1, 3: nobody yet, although a page of pypi is shown meanwhile', () => {
    assert.deepEqual(answerFor('foo', undefined, config), { kind: 'undecided' })
    assert.deepEqual(answerFor('foo', unclaimed, config), { kind: 'undecided' })
  })
})
