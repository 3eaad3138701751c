import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { IndexError } from '../error.ts'
import { insertProject } from '../names/project-row.ts'
import { LEASE_MS, RUNNING_NODE_MS } from '../limits.ts'
import type { Upgraded } from './bring-up-to-date.ts'
import type { StoreOptions } from './store.ts'
import { openStore } from './store.ts'
import { KNOWN_STEPS, RELEASED_STEP } from './migrations/index.ts'
import { planUpgrade, takeStepBack, upgradeStore } from './upgrade.ts'

/** What `testing/upgrading-process.ts` is started by. */
export const UPGRADING = fileURLToPath(new URL('testing/upgrading-process.ts', import.meta.url))
const clock = { now: () => Date.parse('2026-11-24T12:00:00.000Z') }
const isConflict = (error: unknown): boolean => error instanceof IndexError && error.code === 'conflict'

/** The steps of this release, and what each of them makes. */
const BROUGHT = KNOWN_STEPS.slice(KNOWN_STEPS.indexOf(RELEASED_STEP) + 1)
const MADE = [
  'approval',
  'audit',
  'denial',
  'garbage',
  'lease',
  'namespace',
  'node',
  'opening',
  'target',
  'tuf_file',
  'audit',
  'team',
  'team_member',
  'member',
  'transfer',
  'name_claim',
  'download_tally',
  'upstream_list',
  'upstream_finding',
  'webhook',
  'request',
]
const before = (step: string): string | undefined => KNOWN_STEPS[KNOWN_STEPS.indexOf(step) - 1]

/** What the contract needs of a database: places that hold nothing yet, and a look past the store at its tables. */
export interface UpgradeUnderTest {
  fresh(): Promise<StoreOptions>
  tables(options: StoreOptions): Promise<ReadonlySet<string>>
}

/** What every kind of database promises about being brought to another version. */
export function upgradeContract(kind: string, subject: UpgradeUnderTest): void {
  describe(`the schema on ${kind}`, () => {
    it('goes one release back and forward again, keeping the rows and noting both', async () => {
      const options = await earlier(subject)
      assert.deepEqual((await planUpgrade(options, {})).pending, BROUGHT)
      const upgraded = await upgradeStore(options, { clock })
      assert.deepEqual([upgraded?.from, upgraded?.steps], [RELEASED_STEP, BROUGHT])
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
          ...BROUGHT.toReversed().map((step) => ['schema-migrated', { from: step, to: before(step) }]),
          ...BROUGHT.map((step) => ['schema-migrated', { from: before(step), to: step }]),
        ],
      )
    })

    it('keeps what an upstream closed before it dropped the project, one release back, and says what becomes of it', async () => {
      const options = await subject.fresh()
      {
        await using store = await openStore(options)
        await store.transaction(async (tx) => {
          const page = { upstream: 'pypi', etag: null, last_modified: null, checked_at: '', status_reason: null }
          for (const [name, absent, status] of [
            ['evil', 1, 'quarantined'],
            ['gone', 1, 'active'],
            ['there', 0, 'active'],
          ] as const) {
            await insertProject(tx, { name, authority: 'upstream', upstream: 'pypi', at: '' })
            await tx
              .insertInto('upstream_page')
              .values({ ...page, project: name, absent, status })
              .execute()
          }
        })
      }
      assert.match((await planUpgrade(options, {})).reversible?.loses ?? '', /that they had quarantined it/)
      await takeStepBack(options, clock)
      await using store = await openStore(options)
      const rows = await store.db.selectFrom('upstream_page').select(['project', 'status']).orderBy('project').execute()
      assert.deepEqual(
        rows.map(({ project, status }) => [project, status]),
        [
          ['evil', 'quarantined'],
          ['there', 'active'],
        ],
      )
    })

    it('is left alone by whoever may not bring it up to date', async () => {
      const options = await earlier(subject)
      await assert.rejects(openStore(options, { earlier: 'refuse' }), isConflict)
      assert.deepEqual((await planUpgrade(options, {})).pending, BROUGHT)
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
      assert.deepEqual(await takeStepBack(options, clock), BROUGHT.toReversed())
    })

    it('goes no further back than one release', async () => {
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

    it('is whole at one release or the other after kill -9 at any moment of it', async () => {
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

/** Where the database is, having checked that all of the release is there, or nothing of it. */
async function wholeAt(subject: UpgradeUnderTest, options: StoreOptions): Promise<string> {
  const { pending } = await planUpgrade(options, {})
  const tables = await subject.tables(options)
  const made = MADE.filter((table) => tables.has(table))
  assert.deepEqual(made, pending.length === 0 ? MADE : [])
  return pending[0] ?? 'up to date'
}
