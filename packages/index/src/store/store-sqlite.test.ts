import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { sql } from 'kysely'
import { IndexError } from '../error.ts'
import { storeContract } from './store-contract.ts'
import { isUniqueViolation, openStore } from './store.ts'
import { raceElsewhere } from './testing/race-elsewhere.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-store-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshPath = (): string => join(folder, String(count++), 'waxseal.sqlite')

storeContract('SQLite', {
  fresh: async () => ({ kind: 'sqlite', path: freshPath() }),
  race: raceElsewhere,
})

describe('the SQLite store itself', () => {
  it('can be read by its own user only', async () => {
    const path = freshPath()
    await using store = await openStore({ kind: 'sqlite', path })
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
    for (const suffix of ['', '-wal', '-shm']) assert.equal(statSync(path + suffix).mode & 0o777, 0o600, suffix)
  })

  it('syncs every commit, in WAL mode', async () => {
    const path = freshPath()
    await using store = await openStore({ kind: 'sqlite', path })
    const mode = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(store.db)
    assert.equal(mode.rows[0]?.journal_mode, 'wal')
    const level = await store.transaction((tx) => sql<{ synchronous: number }>`pragma synchronous`.execute(tx))
    assert.equal(level.rows[0]?.synchronous, 2)
  })

  it('does not call its own commits those of another', async () => {
    await using store = await openStore({ kind: 'sqlite', path: freshPath() })
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
    assert.equal(store.changedElsewhere(), false)
  })

  it('waits for a lock of another process beside the event loop, then says database-busy', async () => {
    const path = freshPath()
    await using store = await openStore({ kind: 'sqlite', path })
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    let turns = 0
    const ticking = setInterval(() => turns++, 20)
    const attempt = store.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
    await assert.rejects(attempt, (error) => error instanceof IndexError && error.code === 'database-busy')
    clearInterval(ticking)
    assert.ok(turns > 50, `the event loop turned ${turns} times`)
    other.exec('rollback')
    other.close()
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
  })

  it('tells the first error where SQLite has rolled back by itself, as it does on a full disk', async () => {
    await using store = await openStore({ kind: 'sqlite', path: freshPath() })
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
    const attempt = store.transaction((tx) => sql`insert or rollback into setting values ('a', '')`.execute(tx))
    await assert.rejects(attempt, isUniqueViolation)
    await store.transaction((tx) => tx.insertInto('setting').values({ key: 'b', value: '' }).execute())
  })

  it('says which file cannot be opened', async () => {
    const path = join(folder, 'file-in-the-way')
    await using _ = await openStore({ kind: 'sqlite', path })
    const below = join(path, 'waxseal.sqlite')
    await assert.rejects(openStore({ kind: 'sqlite', path: below }), /file-in-the-way.* cannot be opened/)
  })
})
