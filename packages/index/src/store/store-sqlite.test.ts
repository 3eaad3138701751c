import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { sql } from 'kysely'
import { IndexError } from '../error.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { auditContract } from './audit-contract.ts'
import { storeContract } from './store-contract.ts'
import { copyPath, keepCopy } from './sqlite-copy.ts'
import type { StoreOptions } from './store.ts'
import { isUniqueViolation, openStore } from './store.ts'
import { raceElsewhere } from './testing/race-elsewhere.ts'
import { UPGRADING, upgradeContract } from './upgrade-contract.ts'
import { takeStepBack, upgradeStore } from './upgrade.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-store-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const freshPath = (): string => join(folder, String(count++), 'waxseal.sqlite')

auditContract('SQLite', { fresh: async () => ({ kind: 'sqlite', path: freshPath() }) })

storeContract('SQLite', {
  fresh: async () => ({ kind: 'sqlite', path: freshPath() }),
  race: raceElsewhere,
})

upgradeContract('SQLite', {
  fresh: async () => ({ kind: 'sqlite', path: freshPath() }),
  tables: async (options) => new Set(options.kind === 'sqlite' ? tablesIn(options.path) : []),
})

function tablesIn(path: string): readonly string[] {
  const database = new DatabaseSync(path)
  const rows = database.prepare("select name from sqlite_master where type = 'table'").all()
  database.close()
  return rows.map(({ name }) => String(name))
}

describe('the copy of a SQLite database from before an upgrade', () => {
  const step = '0002-operation'
  const clock = { now: () => 0 }

  it('holds what was there before it, in one file for its owner alone', async () => {
    const path = freshPath()
    await using _ = await openStore({ kind: 'sqlite', path })
    await _.transaction((tx) => tx.insertInto('setting').values({ key: 'a', value: '' }).execute())
    await takeStepBack({ kind: 'sqlite', path }, clock)
    const upgraded = await upgradeStore({ kind: 'sqlite', path }, { clock })
    const copy = copyPath(path, step)
    assert.equal(upgraded?.copy?.kind, 'kept', JSON.stringify(upgraded))
    assert.deepEqual(upgraded?.copy, { kind: 'kept', path: copy, bytes: statSync(copy).size })
    assert.equal(statSync(copy).mode & 0o777, 0o600)
    assert.ok(!tablesIn(copy).includes('lease') && tablesIn(path).includes('lease'))
    const database = new DatabaseSync(copy, { readOnly: true })
    assert.equal(database.prepare('select key from setting').get()?.['key'], 'a')
    database.close()
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => name.includes('before')),
      [basename(copy)],
    )
  })

  it('is left out, with its reason, where there is no room for it', async () => {
    const path = freshPath()
    await using _ = await openStore({ kind: 'sqlite', path })
    const database = new DatabaseSync(path)
    const copy = await keepCopy(database, path, step, async () => 64 * 1024 ** 2)
    database.close()
    assert.ok(copy.kind === 'not-kept' && /64.0 MB free/.test(copy.why), JSON.stringify(copy))
    assert.ok(!existsSync(copyPath(path, step)))
  })

  it('never takes the place of an earlier one when it came too late', async () => {
    const path = freshPath()
    await using _ = await openStore({ kind: 'sqlite', path })
    writeFileSync(copyPath(path, step), 'the right one')
    const database = new DatabaseSync(path)
    const copy = await keepCopy(database, path, step)
    database.close()
    assert.equal(copy.kind, 'not-kept')
    assert.equal(readFileSync(copyPath(path, step), 'utf8'), 'the right one')
  })
})

describe('a copy that kill -9 cut short', () => {
  const clock = { now: () => 0 }

  function leftBeside(path: string): readonly string[] {
    const known = [path, `${path}-wal`, `${path}-shm`, copyPath(path, '0002-operation')].map((each) => basename(each))
    return readdirSync(dirname(path)).filter((name) => !known.includes(name))
  }

  /** A database of the version before, and beside it what a copy that was killed has left. */
  async function cutShort(path: string): Promise<StoreOptions> {
    const database = { kind: 'sqlite', path } as const
    {
      await using store = await openStore(database)
      // Takes long enough to copy.
      const value = 'x'.repeat(64 * 1024 ** 2)
      await store.transaction((tx) => tx.insertInto('setting').values({ key: 'large', value }).execute())
    }
    await takeStepBack(database, clock)
    const child = spawn(process.execPath, [UPGRADING, JSON.stringify(database)], { stdio: 'ignore' })
    const watcher = watch(dirname(path), () => leftBeside(path).length > 0 && child.kill('SIGKILL'))
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
    watcher.close()
    assert.ok(leftBeside(path).length > 0)
    return database
  }

  it('goes with the next upgrade', async () => {
    const path = freshPath()
    const upgraded = await upgradeStore(await cutShort(path), { clock })
    assert.equal(upgraded?.copy?.kind, 'kept')
    assert.deepEqual(leftBeside(path), [])
  })

  it('goes with the next start of a server, where another process did the upgrade', async () => {
    const path = freshPath()
    const database = await cutShort(path)
    const [left = ''] = leftBeside(path)
    renameSync(join(dirname(path), left), join(folder, left))
    await upgradeStore(database, { clock })
    renameSync(join(folder, left), join(dirname(path), left))
    await using index = await openIndex(indexDefaults(dirname(path), { database }))
    assert.equal(index.store.kind, 'sqlite')
    assert.ok(!leftBeside(path).includes(left))
  })
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
