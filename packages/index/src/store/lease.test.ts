import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { LEASE_MS } from '../limits.ts'
import { withLease } from './lease.ts'
import type { Store } from './store.ts'
import { openStore } from './store.ts'

suite('a lease', () => {
  let folder = ''
  let store: Store
  let now = Date.parse('2026-11-24T10:00:00Z')
  const clock = { now: () => now }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-lease-'))
    store = await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') })
  })
  after(async () => {
    await store[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const hold = (work: () => Promise<unknown>) => withLease(store, clock, 'keeping', work)
  const free = () => hold(async () => 'free')

  test('is held by one at a time, and says who has it', async () => {
    await hold(() => assert.rejects(free(), { code: 'conflict', message: new RegExp(`Process ${process.pid} on`) }))
    assert.equal(await free(), 'free')
  })

  test('is given back when the work fails', async () => {
    await assert.rejects(
      hold(() => Promise.reject(new Error('the disk is gone'))),
      /the disk is gone/,
    )
    assert.equal(await free(), 'free')
  })

  test('ends by the clock when its holder died', async () => {
    await hold(async () => {
      now += LEASE_MS + 1
      assert.equal(await free(), 'free')
    })
  })

  test('holds for a host whose clock is a little behind', async () => {
    await hold(async () => {
      now -= LEASE_MS / 6
      await assert.rejects(free(), { code: 'conflict' })
      now += LEASE_MS / 6
    })
  })

  test('of a clock that was set back since does not hold for a year', async () => {
    await hold(async () => {
      now -= 365 * 86_400_000
      assert.equal(await free(), 'free')
    })
  })
})
