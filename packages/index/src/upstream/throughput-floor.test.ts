import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ThroughputFloor } from './throughput-floor.ts'

const floor = () => new ThroughputFloor({ minBytesPerSecond: 100, windowMs: 2000 })

describe('ThroughputFloor', () => {
  it('SR-1: fails a drip that never falls silent', () => {
    const measured = floor()
    for (let time = 0; time < 19; time++) assert.equal(measured.record(1, 100), true)
    assert.equal(measured.record(1, 100), false)
  })

  it('passes what is just fast enough', () => {
    const measured = floor()
    for (let time = 0; time < 100; time++) assert.equal(measured.record(10, 100), true)
  })

  it('does not let a fast start pay for a drip', () => {
    const measured = floor()
    assert.equal(measured.record(1_000_000_000, 1999), true)
    assert.equal(measured.record(1, 1), true)
    assert.equal(measured.record(1, 2000), false)
  })

  it('does not count time in which nobody waited for the upstream', () => {
    const measured = floor()
    for (let time = 0; time < 10_000; time++) assert.equal(measured.record(1, 0), true)
    assert.equal(measured.leftMs, 2000)
  })

  it('needs one byte a window even where the floor is zero', () => {
    assert.equal(new ThroughputFloor({ minBytesPerSecond: 0, windowMs: 10 }).record(0, 10), false)
  })
})
