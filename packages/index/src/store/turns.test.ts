import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

const LONG = 60_000

test('whoever wants to be alone waits for those that run, and newcomers for it', async () => {
  const turns = new Turns(LONG)
  const told: string[] = []
  const first = Promise.withResolvers<void>()
  const running = turns.together(() => first.promise).then(() => told.push('first'))
  const alone = turns.alone(() => Promise.resolve(told.push('alone')))
  const next = turns.alone(() => Promise.resolve(told.push('alone too')))
  const newcomer = turns.together(() => Promise.resolve(told.push('newcomer')))
  first.resolve()
  await Promise.all([running, alone, next, newcomer])
  assert.deepEqual(told, ['first', 'alone', 'alone too', 'newcomer'])
})

test('what fails alone lets the others go on', async () => {
  const turns = new Turns(LONG)
  const alone = turns.alone(() => Promise.reject(new Error('lost')))
  const newcomer = turns.together(() => Promise.resolve('done'))
  await assert.rejects(alone, /lost/)
  assert.equal(await newcomer, 'done')
})

test('what hangs holds nobody up for good, neither beside others nor alone', async () => {
  const turns = new Turns(1)
  const hanging = new Promise<never>(() => undefined)
  void turns.together(() => hanging)
  assert.equal(await turns.alone(() => Promise.resolve('alone')), 'alone')
  void turns.alone(() => hanging)
  assert.equal(await turns.together(() => Promise.resolve('beside')), 'beside')
  assert.equal(await turns.alone(() => Promise.resolve('alone')), 'alone')
})
