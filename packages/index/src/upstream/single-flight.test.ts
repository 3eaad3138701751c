import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SingleFlight } from './single-flight.ts'

describe('SingleFlight', () => {
  it('runs one task for everyone who asks while it runs', async () => {
    const flight = new SingleFlight<string, number>()
    const gate = Promise.withResolvers<number>()
    let runs = 0
    const task = () => {
      runs += 1
      return gate.promise
    }
    const asked = Array.from({ length: 50 }, () => flight.run('demo', task))
    gate.resolve(7)
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([7]))
    assert.equal(runs, 1)
    assert.equal(flight.size, 0)
  })

  it('keeps keys apart, and runs anew once it is over', async () => {
    const flight = new SingleFlight<string, string>()
    const values = [flight.run('__proto__', async () => 'a'), flight.run('b', async () => 'b')]
    assert.deepEqual(await Promise.all(values), ['a', 'b'])
    assert.equal(await flight.run('b', async () => 'c'), 'c')
  })

  it('shares a failure and forgets it, thrown at once or later', async () => {
    const flight = new SingleFlight<string, string>()
    const boom = () => {
      throw new Error('boom')
    }
    await Promise.all([
      assert.rejects(flight.run('a', boom), /boom/),
      assert.rejects(
        flight.run('a', async () => 'not run'),
        /boom/,
      ),
    ])
    assert.equal(await flight.run('a', async () => 'healed'), 'healed')
  })
})
