import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { actorOf, FIRST_DOWNLOAD } from '../access/actor.ts'
import type { DecisionRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import { recordClaim } from './claim.ts'
import { decisionHash, recordDecision } from './decisions.ts'

const at = '2026-03-01T12:00:00.000Z'
const actor = actorOf({ user: 'ada' }, '192.0.2.1')

async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-decisions-'))
  try {
    await using store = await openStore({ kind: 'sqlite', path: join(folder, 'index.sqlite') })
    await work(store)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const claim = (store: Store, project: string, by: 'upload' | 'administrator' = 'upload') =>
  store.transaction((tx) => recordClaim(tx, { project, displayName: project, at, actor, by, evidence: ['pypi: 404'] }))

const setStatus = (store: Store, project: string, status: string, reason: string | null) =>
  store.transaction((tx) => recordDecision(tx, { project, at, actor, body: { kind: 'status', status, reason } }))

const chain = (store: Store, project: string): Promise<DecisionRow[]> =>
  store.db.selectFrom('decision').selectAll().where('project', '=', project).orderBy('rev').execute()

/** What anybody can check with the rows alone: numbers without a gap, hashes over the content, each naming the one before. */
function chainHolds(rows: readonly DecisionRow[]): boolean {
  return rows.every(({ hash, ...row }, place) => {
    const prev = place === 0 ? null : (rows[place - 1]?.hash ?? '')
    return row.rev === place + 1 && row.prev === prev && decisionHash(row) === hash
  })
}

test('decisions of a name are numbered and chained, each name on its own', () =>
  withStore(async (store) => {
    await claim(store, 'one')
    await claim(store, 'two')
    assert.equal(await setStatus(store, 'one', 'archived', 'done'), 2)
    assert.equal(await setStatus(store, 'one', 'active', null), 3)
    const rows = await chain(store, 'one')
    assert.equal(rows.length, 3)
    assert.ok(chainHolds(rows))
    assert.ok(chainHolds(await chain(store, 'two')))
    const project = await store.db.selectFrom('project').select('rev').where('name', '=', 'one').executeTakeFirst()
    assert.equal(project?.rev, 3)
  }))

test('LOG/AUDIT: any change of a decision, and any that is left out, shows in the chain', () =>
  withStore(async (store) => {
    await claim(store, 'one')
    await setStatus(store, 'one', 'archived', 'a "quoted" reason')
    await setStatus(store, 'one', 'active', null)
    const rows = await chain(store, 'one')
    const [first, second, third] = rows
    assert.ok(first && second && third)
    for (const forged of [
      [first, { ...second, actor: 'eve' }, third],
      [first, { ...second, at: '2020-01-01T00:00:00.000Z' }, third],
      [first, { ...second, body: second.body.replace('archived', 'active') }, third],
      [first, { ...second, project: 'two' }, third],
      [first, third],
      [second, third],
      [first, third, second],
    ]) {
      assert.ok(!chainHolds(forged))
    }
  }))

test('the hash is over a fixed order of keys, so that another implementation comes to the same', () => {
  const row = { project: 'one', rev: 1, at, actor: 'ada', body: '{"kind":"status"}', prev: null }
  const reordered = { prev: null, body: '{"kind":"status"}', actor: 'ada', at, rev: 1, project: 'one' }
  assert.equal(decisionHash(row), decisionHash(reordered))
  // sha256 of the JSON text, made outside this program.
  assert.equal(decisionHash(row), 'ff63d17085717d299bf861be9c9bb7b3060109ffc714f0ae7706f0c2cc0c9f0c')
})

test('claiming twice is one decision', () =>
  withStore(async (store) => {
    assert.equal(await claim(store, 'one'), 'claimed')
    assert.equal(await claim(store, 'one', 'administrator'), 'already-internal')
    assert.equal((await chain(store, 'one')).length, 1)
  }))

test('a claim takes an upstream’s name over and keeps what was decided before', () =>
  withStore(async (store) => {
    await store.transaction(async (tx) => {
      const row = { name: 'one', display_name: 'One', authority: 'upstream', upstream: 'pypi', rev: 0 } as const
      await tx
        .insertInto('project')
        .values({ ...row, status: 'active', status_reason: null, created_at: at })
        .execute()
      const body = { kind: 'upstream', upstream: 'pypi', evidence: ['pypi: has it'] } as const
      await recordDecision(tx, { project: 'one', at, actor: FIRST_DOWNLOAD, body })
    })
    await claim(store, 'one', 'administrator')
    const project = await store.db.selectFrom('project').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([project.authority, project.upstream, project.rev], ['internal', null, 2])
    assert.ok(chainHolds(await chain(store, 'one')))
  }))
