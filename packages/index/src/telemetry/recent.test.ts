import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recent } from './recent.ts'

/** What `performance.now` says, in the hands of the test. */
const timed = () => {
  const state = { now: 0, looked: 0 }
  const look = async () => ++state.looked
  return { state, get: recent(1000, look, () => state.now) }
}

void test('however many ask, it is looked at once until it is old', async () => {
  const { state, get } = timed()
  assert.deepEqual(await Promise.all([get(), get(), get()]), [1, 1, 1])
  state.now = 1000
  assert.equal(await get(), 1)
  state.now = 1001
  assert.deepEqual(await Promise.all([get(), get()]), [2, 2])
})

void test('a failure is told to whoever waited, and looked past by the next', async () => {
  let fails = true
  const get = recent(1000, async () => {
    if (fails) throw new Error('gone')
    return 'there'
  })
  const both = await Promise.allSettled([get(), get()])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  fails = false
  assert.equal(await get(), 'there')
})
