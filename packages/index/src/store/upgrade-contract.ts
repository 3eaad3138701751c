import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { IndexError } from '../error.ts'
import { LEASE_MS, RUNNING_NODE_MS } from '../limits.ts'
import type { Upgraded } from './bring-up-to-date.ts'
import type { StoreOptions } from './store.ts'
import { openStore } from './store.ts'
import { planUpgrade, takeStepBack, upgradeStore } from './upgrade.ts'

/** What `testing/upgrading-process.ts` is started by. */
export const UPGRADING = fileURLToPath(new URL('testing/upgrading-process.ts', import.meta.url))
const clock = { now: () => Date.parse('2026-11-24T12:00:00.000Z') }
const isConflict = (error: unknown): boolean => error instanceof IndexError && error.code === 'conflict'

/** What the contract needs of a database: places that hold nothing yet, and a look past the store at its tables. */
export interface UpgradeUnderTest {
  fresh(): Promise<StoreOptions>
  tables(options: StoreOptions): Promise<ReadonlySet<string>>
}

/** What every kind of database promises about being brought to another version. */
export function upgradeContract(kind: string, subject: UpgradeUnderTest): void {
  describe(`the schema on ${kind}`, () => {
    it('goes one step back and forward again, keeping the rows and noting both', async () => {
      const options = await earlier(subject)
      assert.deepEqual((await planUpgrade(options, {})).pending, ['0002-operation'])
      const upgraded = await upgradeStore(options, { clock })
      assert.deepEqual([upgraded?.from, upgraded?.steps], ['0001-first', ['0002-operation']])
      assert.deepEqual((await planUpgrade(options, {})).pending, [])
      assert.equal(await upgradeStore(options, { clock }), undefined, 'there is nothing to do twice')
      await using store = await openStore(options)
      const rows = await store.db.selectFrom('setting').select('key').execute()
      assert.deepEqual(
        rows.map(({ key }) => key),
        ['kept'],
      )
      const events = await store.db.selectFrom('event').select(['kind', 'detail']).orderBy('id').execute()
      assert.deepEqual(
        events.map(({ kind, detail }) => [kind, JSON.parse(detail)]),
        [
          ['schema-migrated', { from: '0002-operation', to: '0001-first' }],
          ['schema-migrated', { from: '0001-first', to: '0002-operation' }],
        ],
      )
    })

    it('is left alone by whoever may not bring it up to date', async () => {
      const options = await earlier(subject)
      await assert.rejects(openStore(options, { earlier: 'refuse' }), isConflict)
      assert.deepEqual((await planUpgrade(options, {})).pending, ['0002-operation'])
      await using _ = await openStore(await subject.fresh(), { earlier: 'refuse' })
    })

    it('does not go back under a running server, nor under another command', async () => {
      const options = await subject.fresh()
      await using store = await openStore(options)
      const node = { id: 'host/1', started_at: '', version: '1', status: '{}' }
      const seen = (ago: number): string => new Date(clock.now() - ago).toISOString()
      await store.transaction((tx) =>
        tx
          .insertInto('node')
          .values({ ...node, seen_at: seen(5000) })
          .execute(),
      )
      await assert.rejects(takeStepBack(options, clock), isConflict)
      await store.transaction((tx) =>
        tx
          .updateTable('node')
          .set({ seen_at: seen(RUNNING_NODE_MS + 1) })
          .execute(),
      )
      const lease = { name: 'keeping', holder: 'host/2/x', expires_at: seen(-LEASE_MS) }
      await store.transaction((tx) => tx.insertInto('lease').values(lease).execute())
      await assert.rejects(takeStepBack(options, clock), isConflict)
      await store.transaction((tx) => tx.deleteFrom('lease').execute())
      assert.equal((await store.db.selectFrom('node').selectAll().execute()).length, 1, 'nothing was undone')
      assert.equal(await takeStepBack(options, clock), '0002-operation')
    })

    it('goes no further back than one step', async () => {
      const options = await earlier(subject)
      await assert.rejects(takeStepBack(options, clock), (error) => {
        return error instanceof IndexError && error.code === 'not-allowed'
      })
    })

    it('is brought up to date once by many that start at the same time', async () => {
      const options = await earlier(subject)
      const told: Upgraded[] = []
      const stores = await Promise.all(
        Array.from({ length: 4 }, () => openStore(options, { onUpgraded: (upgraded) => told.push(upgraded) })),
      )
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))
      assert.equal(told.length, 1)
    })

    it('is whole at one step or the other after kill -9 at any moment of it', async () => {
      const options = await earlier(subject)
      const outcomes = new Set<string>()
      for (let round = 0; round < 4; round += 1) {
        const child = spawn(process.execPath, [UPGRADING, JSON.stringify(options)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const gone = once(child, 'close')
        await once(child.stdout, 'data')
        // From before its first statement to after its last one.
        await delay(round * 8)
        child.kill('SIGKILL')
        await gone
        outcomes.add(await wholeAt(subject, options))
        await using _ = await openStore(options)
        await takeStepBack(options, clock)
      }
      assert.ok(outcomes.size > 0)
    })
  })
}

/** A database as the version before left it, with a row in it. */
async function earlier(subject: UpgradeUnderTest): Promise<StoreOptions> {
  const options = await subject.fresh()
  {
    await using store = await openStore(options)
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'kept', value: '' }).execute())
  }
  await takeStepBack(options, clock)
  return options
}

/** Where the database is, having checked that all of that step is there, or nothing of it. */
async function wholeAt(subject: UpgradeUnderTest, options: StoreOptions): Promise<string> {
  const { pending } = await planUpgrade(options, {})
  const tables = await subject.tables(options)
  const made = ['garbage', 'lease', 'node'].filter((table) => tables.has(table))
  assert.deepEqual(made, pending.length === 0 ? ['garbage', 'lease', 'node'] : [])
  return pending[0] ?? 'up to date'
}
