import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { CircuitPass } from './circuit.ts'
import { Circuit, CircuitTable } from './circuit.ts'

const YEAR = 365 * 86_400_000
const SETTINGS = { failures: 3, minOpenMs: 1000, maxOpenMs: 8000 }
let now = 0
const clock = { now: () => now }
let circuit: Circuit

beforeEach(() => {
  now = 50 * YEAR
  circuit = new Circuit(clock, SETTINGS)
})

function pass(): CircuitPass {
  const answer = circuit.enter()
  assert.equal(answer.open, false)
  return (answer as { pass: CircuitPass }).pass
}

function openFor(): number {
  const answer = circuit.enter()
  if (!answer.open) answer.pass.released()
  return answer.open ? answer.retryAfterMs : 0
}

function failTimes(times: number): void {
  for (let time = 0; time < times; time++) pass().failed()
}

describe('Circuit', () => {
  it('opens after so many failures in a row', () => {
    failTimes(2)
    assert.equal(openFor(), 0)
    failTimes(1)
    assert.equal(openFor(), 1000)
  })

  it('counts failures in a row only', () => {
    failTimes(2)
    pass().succeeded()
    failTimes(2)
    assert.equal(openFor(), 0)
  })

  it('lets one probe through when its time is over', () => {
    failTimes(3)
    now += 1000
    const probe = pass()
    assert.equal(openFor(), 1000)
    probe.succeeded()
    assert.equal(openFor(), 0)
  })

  it('stays open twice as long after each failed probe, up to the cap', () => {
    failTimes(3)
    for (const expected of [2000, 4000, 8000, 8000]) {
      now += openFor()
      pass().failed()
      assert.equal(openFor(), expected)
    }
  })

  it('starts over after a success', () => {
    failTimes(3)
    now += 1000
    pass().failed()
    now += 2000
    pass().succeeded()
    failTimes(3)
    assert.equal(openFor(), 1000)
  })

  it('gives the next caller the probe when the first gave up', () => {
    failTimes(3)
    now += 1000
    pass().released()
    assert.equal(openFor(), 0)
    pass().succeeded()
  })

  it('closes once the probe is answered, and opens again when its body fails', () => {
    failTimes(3)
    now += 1000
    const probe = pass()
    probe.answered()
    assert.equal(openFor(), 0)
    probe.failed()
    assert.equal(openFor(), 2000)
  })

  it('honours Retry-After at the first failure, capped', () => {
    pass().failed(5000)
    assert.equal(openFor(), 5000)
    now += 5000
    pass().failed(86_400_000)
    assert.equal(openFor(), 8000)
  })

  it('does not let an earlier request cancel Retry-After', () => {
    const earlier = pass()
    pass().failed(5000)
    earlier.succeeded()
    assert.equal(openFor(), 5000)
  })

  it('is not opened for longer by requests that began before it opened', () => {
    const begun = [pass(), pass(), pass(), pass(), pass(), pass()]
    for (const one of begun) one.failed()
    assert.equal(openFor(), 1000)
  })

  it('lets a probe through when the clock is set back, instead of staying open until the clock has caught up', () => {
    failTimes(3)
    now -= YEAR
    pass().failed()
    assert.equal(openFor(), 2000)
    now += 2000
    pass().succeeded()
    assert.equal(openFor(), 0)
  })

  it('closes, and honours a new Retry-After, after a clock that was set back', () => {
    pass().failed(5000)
    now -= YEAR
    pass().failed(3000)
    assert.equal(openFor(), 3000)
    now -= YEAR
    pass().succeeded()
    failTimes(2)
    assert.equal(openFor(), 0)
  })

  it('takes one outcome a pass', () => {
    const one = pass()
    one.failed()
    one.failed()
    one.failed()
    assert.equal(openFor(), 0)
  })
})

describe('CircuitTable', () => {
  it('keeps a circuit per origin and forgets the one unused longest', () => {
    const table = new CircuitTable(clock, SETTINGS, 2)
    const a = table.of('a')
    const b = table.of('b')
    assert.equal(table.of('a'), a)
    table.of('c')
    assert.equal(table.of('a'), a)
    assert.notEqual(table.of('b'), b)
  })
})
