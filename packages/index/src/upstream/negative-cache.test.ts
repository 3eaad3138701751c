import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NegativeCache } from './negative-cache.ts'

const YEAR = 365 * 86_400_000

describe('NegativeCache', () => {
  it('remembers a name for its lifetime', () => {
    let now = 0
    const cache = new NegativeCache({ now: () => now }, { lifetimeMs: 1000, limit: 10 })
    cache.add('absent')
    now = 999
    assert.equal(cache.has('absent'), true)
    now = 1000
    assert.equal(cache.has('absent'), false)
    assert.equal(cache.size, 0)
  })

  it('is not kept alive by being asked', () => {
    let now = 0
    const cache = new NegativeCache({ now: () => now }, { lifetimeMs: 1000, limit: 10 })
    cache.add('absent')
    for (now = 0; now < 1000; now += 100) assert.equal(cache.has('absent'), true)
    assert.equal(cache.has('absent'), false)
  })

  it('forgets a name when the clock is set back, instead of keeping it absent until the clock has caught up', () => {
    let now = 40 * YEAR
    const cache = new NegativeCache({ now: () => now }, { lifetimeMs: 1000, limit: 10 })
    cache.add('absent')
    now -= YEAR
    assert.equal(cache.has('absent'), false)
    assert.equal(cache.size, 0)
  })

  it('forgets the name unused longest when it is full', () => {
    const cache = new NegativeCache({ now: () => 0 }, { lifetimeMs: 1000, limit: 2 })
    cache.add('a')
    cache.add('b')
    assert.equal(cache.has('a'), true)
    cache.add('c')
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => cache.has(name)),
      [true, false, true],
    )
  })

  it('keeps no names that nobody asks for again once their time is over', () => {
    let now = 0
    const cache = new NegativeCache({ now: () => now }, { lifetimeMs: 1000, limit: 1000 })
    for (now = 0; now < 100_000; now += 100) cache.add(`absent-${now}`)
    assert.ok(cache.size <= 11, `${cache.size} names of the last second`)
  })

  it('forgets a name that has appeared', () => {
    const cache = new NegativeCache({ now: () => 0 }, { lifetimeMs: 1000, limit: 2 })
    cache.add('__proto__')
    cache.delete('__proto__')
    assert.equal(cache.has('__proto__'), false)
  })
})
