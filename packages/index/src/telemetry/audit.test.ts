import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { FIRST_DOWNLOAD } from '../access/actor.ts'
import type { Actor } from '../access/actor.ts'
import { ensureFirstAdmin } from '../access/first-admin.ts'
import { createToken, revokeToken } from '../access/tokens.ts'
import { createUser, disableUser, enableUser, setPassword } from '../access/users.ts'
import { Findings } from '../keeping/doctor-findings.ts'
import { examineAudit } from '../keeping/doctor-rows.ts'
import { recordDecision } from '../names/decisions.ts'
import { saveServedNames } from '../names/served-names.ts'
import type { Store } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import type { AuditRecord } from './audit.ts'
import { auditHash } from './audit.ts'
import { auditRecords, readAudit, readNewestAudit, verifyAudit } from './read-audit.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'

let now = Date.parse('2026-11-24T12:00:00.000Z')
const clock = { now: () => now }
const by: Actor = { name: 'root', credential: 'token-1', address: '192.0.2.1' }
const USERS = ['a', 'b', 'c', 'd', 'e']

/** A store, and what whoever holds the database file can do to it. */
async function withAudit(
  work: (store: Store, forge: (...statements: string[]) => void) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-audit-'))
  try {
    const path = join(folder, 'waxseal.db')
    await using store = await openStore({ kind: 'sqlite', path })
    await work(store, (...statements) => {
      const database = new DatabaseSync(path)
      for (const trigger of ['update', 'delete', 'replace']) database.exec(`drop trigger if exists audit_no_${trigger}`)
      for (const statement of statements) database.exec(statement)
      database.close()
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const all = (store: Store): Promise<AuditRecord[]> => Array.fromAsync(auditRecords(store))
const make = async (store: Store, names: readonly string[]): Promise<void> => {
  for (const name of names) await createUser(store, clock, { name, by })
}

suite('the chain of the audit (attacks.md LOG/AUDIT)', () => {
  const cases: readonly (readonly [what: string, statements: readonly string[], id: number, problem: RegExp])[] = [
    ['a row that was changed', ["update audit set actor = 'eve' where id = 3"], 3, /was changed/],
    ['a state that was changed', [`update audit set "after" = '{"admin":true}' where id = 2`], 2, /was changed/],
    ['a state that is no JSON any more', [`update audit set "after" = '{' where id = 2`], 2, /was changed/],
    ['a row that was removed in the middle', ['delete from audit where id = 3'], 3, /is missing/],
    ['a first row that was removed', ['delete from audit where id = 1'], 1, /is missing/],
    [
      'a row that was removed, and the others moved up',
      ['delete from audit where id = 3', 'update audit set id = id - 1 where id > 3'],
      3,
      /does not follow/,
    ],
    [
      'rows that changed places',
      [
        'update audit set id = -2 where id = 2',
        'update audit set id = 2 where id = 3',
        'update audit set id = 3 where id = -2',
      ],
      2,
      /does not follow/,
    ],
    [
      'a row that was added',
      ["insert into audit (id, at, action, hash) values (6, '', 'nothing', '00')"],
      6,
      /does not follow/,
    ],
  ]
  for (const [what, statements, id, problem] of cases) {
    test(`${what} is found, by the doctor too`, () =>
      withAudit(async (store, forge) => {
        await make(store, USERS)
        assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds')
        forge(...statements)
        const verdict = await verifyAudit(auditRecords(store))
        assert.ok(verdict.kind === 'broken')
        assert.equal(verdict.id, id)
        assert.match(verdict.problem, problem)
        const findings = new Findings()
        await examineAudit(store, findings)
        assert.deepEqual(
          findings.listed.map(({ code, what: told }) => [code, told]),
          [['audit-broken', `record ${id}: ${verdict.problem}`]],
        )
      }))
  }

  test('an end that was cut off is found by a head from before, which is found wherever it is', () =>
    withAudit(async (store, forge) => {
      await make(store, USERS)
      const records = await all(store)
      for (const { hash } of records) {
        assert.equal((await verifyAudit(auditRecords(store), hash)).kind, 'holds')
      }
      forge('delete from audit where id > 3')
      assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds', 'what is left is a chain')
      const verdict = await verifyAudit(auditRecords(store), records.at(-1)?.hash)
      assert.ok(verdict.kind === 'broken')
      assert.deepEqual([verdict.id, /end is missing/.test(verdict.problem)], [4, true])
      forge('delete from audit')
      assert.deepEqual(await verifyAudit(auditRecords(store)), { kind: 'holds', records: 0, head: null })
      assert.equal((await verifyAudit(auditRecords(store), records[0]?.hash)).kind, 'broken')
    }))

  test('all of it written anew, hashes included, is found by a head from before', () =>
    withAudit(async (store, forge) => {
      await make(store, USERS)
      const head = (await all(store)).at(-1)?.hash
      let prev: string | null = null
      const statements: string[] = []
      for (const record of await all(store)) {
        const forged: Omit<AuditRecord, 'hash'> = { ...record, actor: 'eve', prev }
        const hash = auditHash(forged)
        const before = prev === null ? 'null' : `'${prev}'`
        statements.push(`update audit set actor = 'eve', prev = ${before}, hash = '${hash}' where id = ${record.id}`)
        prev = hash
      }
      forge(...statements)
      assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds')
      assert.equal((await verifyAudit(auditRecords(store), head)).kind, 'broken')
    }))

  test('is recomputed from an exported line without knowing anything of us', () =>
    withAudit(async (store) => {
      await createUser(store, clock, { name: 'alice', by })
      await createToken(store, clock, { user: 'alice', scope: 'upload', by })
      for (const record of await all(store)) {
        const line = JSON.stringify(record)
        const [text = '', hash = ''] = line.split(/,"hash":"|"\}$/)
        assert.equal(createHash('sha256').update(`${text}}`).digest('hex'), hash)
      }
    }))

  test('what a name or a reason holds is one JSON document of one line (attacks.md LOG)', () =>
    withAudit(async (store) => {
      const address = '192.0.2.1\n{"id":2,"actor":"eve"}'
      await createUser(store, clock, { name: 'alice', by: { name: 'root\u2028\u001b[2J', credential: null, address } })
      const [record] = await all(store)
      assert.equal(record?.address, address)
      const line = JSON.stringify(record)
      assert.equal(line.split('\n').length, 1)
      assert.equal((await verifyAudit(auditRecords(store))).kind, 'holds')
    }))
})

suite('what is audited', () => {
  const told = async (store: Store): Promise<readonly unknown[]> =>
    (await all(store)).map(({ actor, action, subject, before, after }) => [actor, action, subject, before, after])

  test('users and tokens: each state before and after, and nothing of a secret', () =>
    withAudit(async (store) => {
      await createUser(store, clock, { name: 'alice', password: 'a long password', by })
      const made = await createToken(store, clock, { user: 'alice', scope: 'upload', project: 'demo', by })
      await setPassword(store, clock, 'alice', null, by)
      await disableUser(store, clock, 'alice', by)
      await enableUser(store, clock, 'alice', by)
      const root = { kind: 'principal', user: 'root', scope: 'admin' } as const
      await revokeToken(store, clock, root, made.id, by)
      await revokeToken(store, clock, root, made.id, by)
      const [rights, state] = [
        { user: 'alice', scope: 'upload', project: 'demo', expires: null },
        { admin: false, password: false, disabled: false },
      ]
      assert.deepEqual(await told(store), [
        ['root', 'user-created', 'alice', null, { ...state, password: true }],
        ['root', 'token-created', made.id, null, rights],
        ['root', 'password-changed', 'alice', { ...state, password: true }, state],
        ['root', 'user-disabled', 'alice', state, { ...state, disabled: true }],
        ['root', 'user-enabled', 'alice', { ...state, disabled: true }, state],
        ['root', 'token-revoked', made.id, rights, null],
      ])
      const text = JSON.stringify(await all(store))
      const { hash } = await store.db.selectFrom('token').select('hash').executeTakeFirstOrThrow()
      for (const secret of ['long password', 'argon', made.token, hash]) assert.doesNotMatch(text, new RegExp(secret))
    }))

  test('what the server makes by itself at its first start, as nobody’s', () =>
    withAudit(async (store) => {
      await ensureFirstAdmin(store, clock)
      const records = await all(store)
      assert.deepEqual(
        records.map(({ actor, credential, address, action }) => [actor, credential, address, action]),
        [
          [null, null, null, 'user-created'],
          [null, null, null, 'token-created'],
        ],
      )
    }))

  test('not a rule that a download met: that is a decision and an event', () =>
    withAudit(async (store) => {
      const body = { kind: 'upstream', upstream: 'pypi', evidence: [] } as const
      await store.transaction((tx) => recordDecision(tx, { project: 'six', at: '', actor: FIRST_DOWNLOAD, body }))
      assert.deepEqual(await all(store), [])
      const events = await store.db.selectFrom('event').select(['kind', 'actor']).execute()
      assert.deepEqual(
        events.map((event) => ({ ...event })),
        [{ kind: 'authority-decided', actor: 'first-download' }],
      )
    }))

  test('a start with another meaning than before, and no other start', () =>
    withAudit(async (store) => {
      const upstreams = [{ name: 'pypi', url: 'https://pypi.org/simple/' }]
      const then = { prefixes: ['acme'], upstreams, reading: 'private', policy: OPEN_DEFAULT } as const
      await saveServedNames(store, clock, then)
      await saveServedNames(store, clock, then)
      await saveServedNames(store, clock, { ...then, prefixes: [] })
      assert.deepEqual(await told(store), [[null, 'configuration-changed', null, then, { ...then, prefixes: [] }]])
      const event = await store.db.selectFrom('event').select('detail').executeTakeFirstOrThrow()
      assert.deepEqual(JSON.parse(event.detail), { differences: ['prefixes were acme, now they are none'] })
    }))

  test('nobody can be made who looks like the operator or a rule', () =>
    withAudit(async (store) => {
      for (const name of ['operator', 'first-download']) {
        await assert.rejects(createUser(store, clock, { name, by }), { code: 'not-allowed' })
      }
      assert.deepEqual(await all(store), [])
    }))
})

suite('the audit is read', () => {
  test('by what is asked for, from the oldest or the newest', () =>
    withAudit(async (store) => {
      await make(store, ['a'])
      now += 1000
      const since = new Date(now).toISOString()
      await createUser(store, clock, { name: 'b', by: { ...by, name: 'other' } })
      await disableUser(store, clock, 'a', by)
      const ids = (records: readonly AuditRecord[]) => records.map(({ id }) => id)
      assert.deepEqual(ids(await readAudit(store, 0, 2)), [1, 2])
      assert.deepEqual(ids(await readAudit(store, 2, 2)), [3])
      assert.deepEqual(ids(await readNewestAudit(store, 2)), [2, 3])
      assert.deepEqual(ids(await readNewestAudit(store, 9, { subject: 'a' })), [1, 3])
      assert.deepEqual(ids(await readNewestAudit(store, 9, { actor: 'other' })), [2])
      assert.deepEqual(ids(await readNewestAudit(store, 9, { action: 'user-disabled' })), [3])
      assert.deepEqual(ids(await readNewestAudit(store, 9, { since, action: 'user-created' })), [2])
    }))
})
