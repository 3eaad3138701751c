import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Likeness } from './look-alikes.ts'
import { lookAlikePrefix, slipsOf } from './look-alikes.ts'
import { Namespaces } from './namespaces.ts'

describe('NAME-TYPO: the slips that PyPI looks for', () => {
  const slips: readonly (readonly [typed: string, meant: string, Likeness])[] = [
    ['reequests', 'requests', 'repeated'],
    ['requets', 'requests', 'omitted'],
    ['equests', 'requests', 'omitted'],
    ['request', 'requests', 'omitted'],
    ['reqeusts', 'requests', 'swapped'],
    ['client-acme', 'acme-client', 'reordered'],
    ['a-c-b-corp', 'a-b-c-corp', 'reordered'],
    ['rewuests', 'requests', 'neighbour'],
    ['acrne', 'acme', 'neighbour'],
    ['acme', 'acrne', 'neighbour'],
  ]
  for (const [typed, meant, likeness] of slips) {
    it(`${typed} is one of ${meant}: ${likeness}`, () => assert.equal(slipsOf(typed).get(meant), likeness))
  }

  it('two slips are one too many', () => assert.ok(!slipsOf('billlingg').has('billing')))

  it('numbers tell names apart on purpose', () => {
    for (const [one, other] of [
      ['service-1', 'service-2'],
      ['service', 'service2'],
      ['service11', 'service1'],
      ['service12', 'service21'],
    ] as const) {
      assert.ok(!slipsOf(one).has(other), `${one} ${other}`)
    }
  })

  it('short names are neighbours by chance', () => assert.equal(slipsOf('abc').size, 0))

  const word = fc.stringMatching(/^[a-z]{4,12}$/)

  it('a letter that was left out, and two that were exchanged, are always found', () => {
    fc.assert(
      fc.property(word, fc.nat(), (name, seed) => {
        const at = seed % (name.length - 1)
        const without = name.slice(0, at) + name.slice(at + 1)
        if (without.length >= 4 && without !== name) assert.ok(slipsOf(without).has(name))
        const swapped = `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`
        if (swapped !== name) assert.ok(slipsOf(swapped).has(name))
      }),
    )
  })

  it('no name is a slip of itself, and the longest has a bounded number of them', () => {
    fc.assert(fc.property(word, (name) => assert.ok(!slipsOf(name).has(name))))
    assert.ok(slipsOf('m'.repeat(100)).size < 4000)
  })
})

describe('a name that seems to lie under a prefix', () => {
  const of = (name: string, ...prefixes: string[]) => lookAlikePrefix(name, Namespaces.configured(prefixes))?.prefix

  it('NAME-CONF: is told by its first words, however they are separated', () => {
    assert.equal(of('c0rp-tools', 'corp'), 'corp')
    assert.equal(of('acmelab-x', 'acme-lab'), 'acme-lab')
    assert.equal(of('acme-1ab-x', 'acme-lab'), 'acme-lab')
    assert.equal(of('corp', 'c0rp'), 'c0rp')
  })

  it('NAME-TYPO: is told by a slip', () => {
    assert.equal(of('amce-billing', 'acme'), 'acme')
    assert.equal(of('acmee-billing', 'acme'), 'acme')
  })

  it('is none that lies under one, nor a longer word (PEP 752)', () => {
    assert.equal(of('acme-billing', 'acme'), undefined)
    assert.equal(of('acme-billing', 'acme', 'acne'), undefined)
    assert.equal(of('corporate', 'corp'), undefined)
    assert.equal(of('my-corp', 'corp'), undefined)
    assert.equal(of('anything'), undefined)
  })
})
