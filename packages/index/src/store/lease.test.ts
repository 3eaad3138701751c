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

  const hold = (work: () => Promise<unknown>) => withLease(store, clock, { name: 'keeping', by: 'gc' }, work)
  const free = () => hold(async () => 'free')

  test('is held by one at a time, and says who has it', async () => {
    await hold(() => assert.rejects(free(), { code: 'conflict', message: new RegExp(`Process ${process.pid} on`) }))
    assert.equal(await free(), 'free')
  })

  test('is waited for by whoever is patient, who is told what holds it', async () => {
    const asked = Promise.withResolvers<string>()
    const given = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const held = hold(() => (begun.resolve(), given.promise))
    await begun.promise
    const patience = { forMs: 60_000, onWait: (_ms: number, holder: string) => asked.resolve(holder) }
    const waiting = withLease(store, clock, { name: 'keeping', by: 'backup', patience }, async () => 'taken')
    assert.match(await asked.promise, new RegExp(`^process ${process.pid} on .*gc`))
    given.resolve()
    await held
    assert.equal(await waiting, 'taken')
  })

  test('is not waited for longer than patience lasts; then it is said what holds it, and for how long one waited', async () => {
    const patience = { forMs: 50, onWait: () => undefined }
    const impatient = () => withLease(store, clock, { name: 'keeping', by: 'backup', patience }, async () => 'taken')
    await hold(() =>
      assert.rejects(impatient(), { code: 'conflict', message: /^Process \d+ on .*gc.*Waited for 0 seconds/ }),
    )
    assert.equal(await impatient(), 'taken')
  })

  test('of a version that does not say what it does is held all the same', async () => {
    const values = { name: 'keeping', holder: 'elsewhere/77/uuid', expires_at: new Date(now + 1000).toISOString() }
    await store.transaction((tx) => tx.insertInto('lease').values(values).execute())
    await assert.rejects(free(), { code: 'conflict', message: /^Process 77 on elsewhere .*backup, doctor or gc/ })
    await store.transaction((tx) => tx.deleteFrom('lease').execute())
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
