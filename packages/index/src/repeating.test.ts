import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { BackgroundWork } from './background-work.ts'
import { repeating } from './repeating.ts'

test('the end tells the work that is under way, which is waited for', async () => {
  const background = new BackgroundWork({ graceMs: 60_000, onLate: () => assert.fail('late') })
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  let over = false
  const work = async (ended: AbortSignal): Promise<void> => {
    begin()
    await once(ended, 'abort')
    over = true
  }
  const told = { onFailure: () => assert.fail('it did not fail'), onRecovery: () => undefined }
  const repeated = repeating(work, { everyMs: 60_000, firstMs: 0 }, background, told)
  // Its timers hold no process.
  const held = setInterval(() => undefined, 1000)
  await begun
  repeated[Symbol.dispose]()
  await background[Symbol.asyncDispose]()
  clearInterval(held)
  assert.ok(over)
})
