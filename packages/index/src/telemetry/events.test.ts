import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { actorOf } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { createToken, revokeToken } from '../access/tokens.ts'
import { createUser, disableUser, enableUser, setPassword } from '../access/users.ts'
import { recordEvent, reportingStore } from './events.ts'
import type { IndexEvent } from './events.ts'

const AT = '2026-01-02T03:04:05.000Z'
const clock: Clock = { now: () => Date.parse(AT) }
const STARTED: IndexEvent = {
  kind: 'server-started',
  at: AT,
  actor: null,
  project: null,
  detail: { version: '1', node: 'here' },
}

async function withStore(work: (store: Store, told: readonly IndexEvent[]) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'events-'))
  const told: (IndexEvent & { readonly id?: number })[] = []
  try {
    await using store = reportingStore(await openStore({ kind: 'sqlite', path: join(folder, 'x.db') }), (event) =>
      told.push(event),
    )
    await work(store, told)
  } finally {
    await rm(folder, { recursive: true })
  }
}

suite('an event is the record, the log line and the metric of one thing that happened', () => {
  test('it is told once its transaction is committed, with its id', () =>
    withStore(async (store, told) => {
      await store.transaction(async (tx) => {
        await recordEvent(tx, STARTED)
        assert.deepEqual(told, [], 'not before')
      })
      assert.deepEqual(told, [{ ...STARTED, id: 1 }])
      const [row] = await store.db.selectFrom('event').selectAll().execute()
      assert.deepEqual({ ...row }, { ...STARTED, id: 1, detail: '{"version":"1","node":"here"}' })
    }))

  test('what is rolled back is neither recorded nor told', () =>
    withStore(async (store, told) => {
      const failing = store.transaction(async (tx) => {
        await recordEvent(tx, STARTED)
        throw new Error('no')
      })
      await assert.rejects(failing, /no/)
      assert.deepEqual(told, [])
      assert.deepEqual(await store.db.selectFrom('event').selectAll().execute(), [])
    }))

  test('a transaction that runs twice tells its events once', () =>
    withStore(async (store, told) => {
      let rounds = 0
      await store.transaction(async (tx) => {
        await recordEvent(tx, STARTED)
        rounds += 1
        // SQLITE_BUSY: another process was quicker.
        if (rounds === 1) throw Object.assign(new Error('busy'), { errcode: 5 })
      })
      assert.equal(rounds, 2)
      assert.equal(told.length, 1)
    }))

  test('users and tokens: who did it, to whom, and never the secret', () =>
    withStore(async (store, told) => {
      const by = actorOf({ user: 'root', tokenId: 'first' }, '192.0.2.1')
      await createUser(store, clock, { name: 'alice', password: 'a long password', by })
      const made = await createToken(store, clock, { user: 'alice', scope: 'upload', project: 'demo', by })
      await setPassword(store, clock, 'alice', 'another long password', by)
      await disableUser(store, clock, 'alice', by)
      await enableUser(store, clock, 'alice', by)
      const root = { kind: 'principal', user: 'root', scope: 'admin' } as const
      await revokeToken(store, clock, root, made.id, by)
      await revokeToken(store, clock, root, made.id, by)
      assert.deepEqual(
        told.map(({ kind, actor, project, detail }) => [kind, actor, project, detail]),
        [
          ['user-created', 'root', null, { user: 'alice', admin: false }],
          [
            'token-created',
            'root',
            'demo',
            { id: made.id, user: 'alice', scope: 'upload', project: 'demo', expires: null },
          ],
          ['password-changed', 'root', null, { user: 'alice', removed: false }],
          ['user-disabled', 'root', null, { user: 'alice' }],
          ['user-enabled', 'root', null, { user: 'alice' }],
          ['token-revoked', 'root', 'demo', { id: made.id, user: 'alice' }],
        ],
      )
      const everything = JSON.stringify(await store.db.selectFrom('event').selectAll().execute())
      for (const secret of [made.token, 'long password']) assert.ok(!everything.includes(secret))
    }))
})
