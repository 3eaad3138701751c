import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { createUser, disableUser } from '../access/users.ts'
import { recordClaim } from '../names/claim.ts'
import { setProjectStatus, yankRelease } from '../releases/lifecycle.ts'
import { recordAction } from '../telemetry/events.ts'
import { auditRecords, verifyAudit } from '../telemetry/read-audit.ts'
import type { AuditRecord } from '../telemetry/audit.ts'
import type { Store, StoreOptions } from './store.ts'
import { openStore } from './store.ts'

const clock = { now: () => Date.parse('2026-11-24T12:00:00.000Z') }
const by: Actor = { name: 'root', credential: 'token-1', address: '192.0.2.1' }

/** What every kind of database promises about the audit (attacks.md LOG/AUDIT). */
export function auditContract(kind: string, subject: { fresh(): Promise<StoreOptions> }): void {
  describe(`the audit on ${kind}`, () => {
    it('is one chain, whoever adds to it at the same time, and has every action once', async () => {
      const options = await subject.fresh()
      await using one = await openStore(options)
      await using other = await openStore(options)
      const names = Array.from({ length: 30 }, (_, at) => `user-${at}`)
      await Promise.all(names.map((name, at) => createUser(at % 2 === 0 ? one : other, clock, { name, by })))
      const records = await all(one)
      assert.deepEqual(new Set(records.map(({ subject: name }) => name)), new Set(names))
      assert.deepEqual(
        records.map(({ id }) => id),
        names.map((_, at) => at + 1),
      )
      const events = await one.db.selectFrom('event').select('detail').orderBy('id').execute()
      assert.deepEqual(
        records.map(({ subject: name }) => name),
        events.map(({ detail }) => (JSON.parse(detail) as { user: string }).user),
        'in the order of the events',
      )
      assert.deepEqual(await verifyAudit(auditRecords(other)), {
        kind: 'holds',
        records: names.length,
        head: records.at(-1)?.hash,
      })
    })

    it('chains what one transaction does twice, and has nothing of one that failed', async () => {
      await using store = await openStore(await subject.fresh())
      const act = (fails: boolean) =>
        store.transaction(async (tx) => {
          for (const user of ['a', 'b']) {
            const told = {
              kind: 'user-disabled',
              at: '2026-11-24T12:00:00.000Z',
              project: null,
              detail: { user },
            } as const
            await recordAction(tx, { ...told, by, subject: user })
          }
          if (fails) throw new Error('changed my mind')
        })
      await act(false)
      await assert.rejects(act(true), /changed my mind/)
      await act(false)
      assert.deepEqual(
        (await all(store)).map(({ id, subject: name }) => [id, name]),
        [
          [1, 'a'],
          [2, 'b'],
          [3, 'a'],
          [4, 'b'],
        ],
      )
      assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds')
    })

    it('cannot be changed, replaced or emptied, and goes on after the attempt', async () => {
      await using store = await openStore(await subject.fresh())
      await createUser(store, clock, { name: 'alice', by })
      const [first] = await all(store)
      assert.ok(first !== undefined)
      const forged = sql`(id, at, action, hash) values (1, '', 'nothing', '')`
      const attempts = [
        sql`update audit set actor = 'eve'`,
        sql`delete from audit`,
        sql`delete from audit where id = 1`,
        ...(store.kind === 'sqlite'
          ? [sql`insert or replace into audit ${forged}`, sql`replace into audit ${forged}`]
          : [sql`truncate audit`, sql`insert into audit ${forged} on conflict (id) do update set actor = 'eve'`]),
      ]
      for (const attempt of attempts) {
        await assert.rejects(
          store.transaction((tx) => attempt.execute(tx)),
          /append-only/,
        )
      }
      assert.deepEqual(await all(store), [first])
      await disableUser(store, clock, 'alice', by)
      assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds')
    })

    it('says who, with what, from where, and what there was before and after', async () => {
      await using store = await openStore(await subject.fresh())
      await store.transaction((tx) =>
        recordClaim(tx, { project: 'app', displayName: 'App', at: '', actor: by, by: 'administrator', evidence: [] }),
      )
      const change = { project: 'app', status: 'archived', reason: 'moved', actor: by, administrator: true } as const
      await setProjectStatus(store, clock, change)
      const refused = await yankRelease(store, clock, { project: 'app', version: '1', actor: by, administrator: true })
      assert.equal(refused.kind, 'refused', 'and what was refused changed nothing')
      assert.deepEqual(
        (await all(store)).map(({ actor, credential, address, action, subject: name, before, after }) => [
          [actor, credential, address].join(' '),
          [action, name].join(' '),
          before,
          after,
        ]),
        [
          [
            'root token-1 192.0.2.1',
            'authority-decided app',
            null,
            { kind: 'claim', by: 'administrator', evidence: [] },
          ],
          [
            'root token-1 192.0.2.1',
            'status-changed app',
            { status: 'active', reason: null },
            { kind: 'status', status: 'archived', reason: 'moved' },
          ],
        ],
      )
    })
  })
}

async function all(store: Store): Promise<readonly AuditRecord[]> {
  return await Array.fromAsync(auditRecords(store))
}
