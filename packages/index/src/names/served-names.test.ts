import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Meaning } from './served-names.ts'
import { OPEN_DEFAULT } from './default-policy.ts'
import { differencesOf } from './served-names.ts'

const THEN: Meaning = {
  prefixes: ['acme', 'corp'],
  upstreams: [
    { name: 'partner', url: 'https://partner.example/simple/' },
    { name: 'pypi', url: 'https://pypi.org/simple/' },
  ],
  reading: 'private',
  policy: OPEN_DEFAULT,
}

suite('an index is served otherwise', () => {
  test('when a prefix, an upstream, its address, the order of upstreams or reading differ, each told', () => {
    const [partner, pypi] = THEN.upstreams
    assert.ok(partner !== undefined && pypi !== undefined)
    const cases: readonly (readonly [Partial<Meaning>, RegExp])[] = [
      [{ prefixes: ['acme'] }, /^prefixes were acme, corp, now they are acme$/],
      [{ prefixes: [] }, /^prefixes were acme, corp, now they are none$/],
      [{ upstreams: [pypi, partner] }, /^upstreams were partner \(.*\), pypi \(.*\), now they are pypi .*, partner /],
      [{ upstreams: [] }, /now they are none$/],
      [{ upstreams: [partner, { ...pypi, url: 'https://evil.example/' }] }, /pypi \(https:\/\/evil\.example\/\)$/],
      [{ reading: 'public' }, /^reading was private, now it is public$/],
      [
        { policy: { ...OPEN_DEFAULT, cooldown: 60 } },
        /^the default was \* open, now it is \* open; files 60 seconds old$/,
      ],
    ]
    for (const [change, expected] of cases) {
      const [first = '', ...more] = differencesOf(THEN, { ...THEN, ...change })
      assert.match(first, expected)
      assert.deepEqual(more, [])
    }
  })

  test('not by the order of its prefixes', () => {
    assert.deepEqual(differencesOf(THEN, { ...THEN, prefixes: ['corp', 'acme'] }), [])
  })

  test('when it was not noted how: an earlier version noted less', () => {
    const noted = { prefixes: THEN.prefixes, upstreams: THEN.upstreams.map(({ name }) => ({ name })) }
    assert.equal(differencesOf(noted, THEN).length, 2)
  })
})
