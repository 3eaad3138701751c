import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../support/seeded.ts'
import { judgeMemory } from './memory-verdict.ts'
import type { Observation } from './memory-verdict.ts'

const MEGABYTE = 1024 ** 2
const MINUTE = 60_000

/** An observation every five seconds, with garbage that comes and goes on top of what `needed` says, in megabytes. */
function hourOf(needed: (hours: number) => number, minutes = 60): readonly Observation[] {
  const random = seeded('7')
  return Array.from({ length: minutes * 12 }, (_, at) => ({
    at: at * 5000,
    resident: 0,
    anonymous: (needed((at * 5000) / (60 * MINUTE)) + random.below(30)) * MEGABYTE,
    descriptors: 0,
    threads: 0,
    wal: 0,
    spooled: 0,
  }))
}

describe('the verdict on resident memory', () => {
  it('finds caches that fill in the warm-up flat', () => {
    const verdict = judgeMemory(hourOf((hours) => 90 + Math.min(60, hours * 300)))
    assert.ok(verdict.judged && verdict.flat, JSON.stringify(verdict))
    assert.ok(Math.abs(verdict.slope) < 3, `slope ${verdict.slope}`)
  })

  it('finds a leak of 12 MB an hour under 30 MB of garbage', () => {
    const verdict = judgeMemory(hourOf((hours) => 120 + 12 * hours))
    assert.ok(verdict.judged && !verdict.flat, JSON.stringify(verdict))
    assert.ok(Math.abs(verdict.slope - 12) < 4, `slope ${verdict.slope}`)
  })

  it('is not moved by one peak late in the hour, as least squares is', () => {
    const verdict = judgeMemory(hourOf((hours) => (hours > 0.93 ? 300 : 120)))
    assert.ok(verdict.flat, JSON.stringify(verdict))
    assert.ok(verdict.leastSquares > 20)
  })

  it('judges nothing that was too short', () => {
    const verdict = judgeMemory(hourOf((hours) => 100 + 1000 * hours, 5))
    assert.ok(!verdict.judged && verdict.flat)
  })
})
