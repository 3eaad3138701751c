import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Slots } from './slots.ts'

describe('Slots', () => {
  it('runs so many tasks at once, the others in order', async () => {
    const slots = new Slots(2, 10)
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
    const started: number[] = []
    const tasks = gates.map((gate, number) =>
      slots.run(async () => {
        started.push(number)
        await gate.promise
      }),
    )
    assert.deepEqual(started, [0, 1])
    gates[1]?.resolve()
    await tasks[1]
    assert.deepEqual(started, [0, 1, 2])
    for (const gate of gates) gate.resolve()
    await Promise.all(tasks)
    assert.deepEqual(started, [0, 1, 2, 3])
  })

  it('gives a place back when a task fails', async () => {
    const slots = new Slots(1, 1)
    await assert.rejects(
      slots.run(() => Promise.reject(new Error('boom'))),
      /boom/,
    )
    assert.equal(await slots.run(async () => 'ran'), 'ran')
  })

  it('refuses when the queue is full', async () => {
    const slots = new Slots(1, 1)
    const gate = Promise.withResolvers<void>()
    const tasks = [slots.run(() => gate.promise), slots.run(() => gate.promise)]
    await assert.rejects(
      slots.run(() => gate.promise),
      { code: 'limit-exceeded' },
    )
    gate.resolve()
    await Promise.all(tasks)
  })
})
