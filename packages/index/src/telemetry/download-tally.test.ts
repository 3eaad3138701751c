import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { TALLY_PENDING } from '../limits.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { askingNetwork, DownloadTally } from './download-tally.ts'

const DAY = 86_400_000
const alice = { kind: 'principal', user: 'alice', scope: 'read' } as const

/** `requests` is an upstream's, `billing` ours. */
async function withTally(
  work: (store: Store, tally: DownloadTally, clock: { at: number }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-tally-'))
  try {
    await using store = await openStore({ kind: 'sqlite', path: join(folder, 'index.sqlite') })
    const row = { rev: 0, status: 'active', status_reason: null, created_at: '' } as const
    await store.transaction((tx) =>
      tx
        .insertInto('project')
        .values([
          { ...row, name: 'requests', display_name: 'requests', authority: 'upstream', upstream: 'pypi' },
          { ...row, name: 'billing', display_name: 'billing', authority: 'internal', upstream: null },
        ])
        .execute(),
    )
    const clock = { at: Date.parse('2026-11-26T23:59:00.000Z'), now: () => clock.at }
    await work(store, new DownloadTally({ store, clock, days: 2 }), clock)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const rows = async (store: Store): Promise<readonly string[]> => {
  const found = await store.db.selectFrom('download_tally').selectAll().orderBy('day').orderBy('who').execute()
  return found.map(({ project, day, who, downloads }) => `${project} ${day} ${who} ${downloads}`)
}

test('downloads of upstreams’ projects are counted by day and user, or network', () =>
  withTally(async (store, tally, clock) => {
    for (const project of ['requests', 'billing', 'never-seen']) {
      tally.note(project, alice, '192.0.2.1')
      tally.note(project, { kind: 'anonymous' }, '192.0.2.1')
      tally.note(project, undefined, '192.0.2.99')
    }
    await tally.flush()
    tally.note('requests', alice, '198.51.100.1')
    clock.at += 120_000
    tally.note('requests', alice, '198.51.100.1')
    await tally.flush()
    assert.deepEqual(await rows(store), [
      'requests 2026-11-26 192.0.2.0/24 2',
      'requests 2026-11-26 alice 2',
      'requests 2026-11-27 alice 1',
    ])
    clock.at += DAY
    await tally.flush()
    assert.deepEqual(await rows(store), ['requests 2026-11-27 alice 1'], 'two days are kept')
  }))

test('where it is switched off nothing is counted, and what was is let go', () =>
  withTally(async (store, tally, clock) => {
    tally.note('requests', alice, '192.0.2.1')
    await tally.flush()
    assert.equal((await rows(store)).length, 1)
    const off = new DownloadTally({ store, clock: { now: () => clock.at }, days: 0 })
    off.note('requests', alice, '192.0.2.1')
    await off.flush()
    assert.deepEqual(await rows(store), [])
  }))

test('what cannot be written is kept for the next time', () =>
  withTally(async (store, tally) => {
    tally.note('requests', alice, '192.0.2.1')
    await store.transaction((tx) => tx.schema.alterTable('download_tally').renameTo('elsewhere').execute())
    await assert.rejects(tally.flush())
    tally.note('requests', alice, '192.0.2.1')
    await store.transaction((tx) => tx.schema.alterTable('elsewhere').renameTo('download_tally').execute())
    await tally.flush()
    assert.deepEqual(await rows(store), ['requests 2026-11-26 alice 2'])
  }))

test('strangers who make names up fill neither memory nor the database', () =>
  withTally(async (store, tally) => {
    for (let at = 0; at < TALLY_PENDING; at += 1) tally.note(`made-up-${at}`, undefined, '192.0.2.1')
    tally.note('requests', alice, '192.0.2.1')
    await tally.flush()
    assert.deepEqual(await rows(store), [])
    tally.note('requests', alice, '192.0.2.1')
    await tally.flush()
    assert.deepEqual(await rows(store), ['requests 2026-11-26 alice 1'])
  }))

test('a network is what a person’s address tells and no more', () => {
  assert.equal(askingNetwork('192.0.2.77'), '192.0.2.0/24')
  assert.equal(askingNetwork('::ffff:192.0.2.77'), '192.0.2.0/24')
  assert.equal(askingNetwork('2001:db8:12:34::1'), '2001:db8:12::/48')
  assert.equal(askingNetwork('::1'), '0:0:0::/48')
  assert.equal(askingNetwork('unknown'), 'elsewhere')
})
