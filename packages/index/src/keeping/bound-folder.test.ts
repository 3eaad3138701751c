import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rename, rm, unlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { IndexConfig } from '../index-config.ts'
import { indexDefaults } from '../index-config.ts'
import { openAdministration } from '../open-administration.ts'
import { openIndex } from '../open-index.ts'
import { openStore } from '../store/store.ts'
import { planUpgrade, upgradeStore } from '../store/upgrade.ts'
import { onlyOfFolder } from './bound-folder.ts'
import { collectElsewhere } from './collect-regularly.ts'
import { openKeptIndex } from './testing/kept-index.ts'

const other = { code: 'wrong-database', message: /belongs to another index/ }

/** Two indexes with a file each, as an earlier release left them: nothing ties folder and database together yet. */
async function withTwo(work: (one: string, two: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-bound-'))
  try {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')]
    for (const dataDir of [one, two]) {
      await using index = await openKeptIndex(dataDir)
      await index.upload('demo', '1.0')
    }
    await work(one, two)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function serve(dataDir: string, settings: Partial<Pick<IndexConfig, 'database' | 'readOnly'>> = {}) {
  const index = await openIndex(indexDefaults(dataDir, { log: { level: 'silent' }, ...settings }))
  await index[Symbol.asyncDispose]()
}

const databaseOf = (dataDir: string) => ({ kind: 'sqlite', path: join(dataDir, 'waxseal.db') }) as const
const namesIn = (dataDir: string): readonly string[] =>
  readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).toSorted()
const idOf = (dataDir: string): string => readFileSync(join(dataDir, 'waxseal.id'), 'utf8')

test('a folder belongs to the index that was first started on it, and to no other', () =>
  withTwo(async (one, two) => {
    await serve(one)
    await serve(two)
    assert.notEqual(idOf(one), idOf(two))
    const wrong = { database: databaseOf(two) }
    const before = namesIn(one)
    await assert.rejects(serve(one, wrong), other)
    await assert.rejects(serve(one, { ...wrong, readOnly: true }), other)
    await assert.rejects(openAdministration(indexDefaults(one, wrong)), other)
    assert.deepEqual(namesIn(one), before)
    await serve(one)

    await unlink(join(one, 'waxseal.id'))
    await serve(one, wrong)
    assert.equal(idOf(one), idOf(two), 'it was meant')
  }))

test('a folder that was moved, or copied with its database, is still that of its index; several nodes may share it', () =>
  withTwo(async (one, two) => {
    await serve(one)
    await rename(one, `${one}-moved`)
    await serve(`${one}-moved`)
    await cp(`${one}-moved`, `${one}-copied`, { recursive: true })
    await using _ = await openIndex(indexDefaults(`${one}-copied`, { log: { level: 'silent' } }))
    await serve(`${one}-copied`)
    await serve(two, { database: databaseOf(`${one}-copied`) })
    assert.equal(idOf(two), idOf(`${one}-moved`), 'another node, whose own folder belonged to nobody')
  }))

test('a database that cannot be told from another is refused where the folder belongs to an index', () =>
  withTwo(async (one, two) => {
    await serve(one)
    await assert.rejects(serve(one, { database: databaseOf(two) }), other)
    assert.ok(!existsSync(join(two, 'waxseal.id')))
  }))

test('no new database is made beside blobs, nor in the folder of an index', () =>
  withTwo(async (one, two) => {
    const database = databaseOf(join(one, 'elsewhere'))
    const config = indexDefaults(one, { database, log: { level: 'silent' } })
    const before = namesIn(one)
    const refused = { code: 'wrong-database', message: /no database.*WAXSEAL_DATABASE/ }
    await assert.rejects(openIndex(config), refused)
    await assert.rejects(openAdministration(config), refused)
    assert.deepEqual(namesIn(one), before)

    await serve(two)
    await rm(join(two, 'blobs'), { recursive: true })
    await assert.rejects(serve(two, { database }), refused)
    await unlink(join(two, 'waxseal.id'))
    await serve(two, { database })
  }))

test('a read-only server writes nothing into its folder', () =>
  withTwo(async (one) => {
    chmodSync(one, 0o500)
    await serve(one, { readOnly: true })
    chmodSync(one, 0o700)
    assert.ok(!existsSync(join(one, 'waxseal.id')))
  }))

const retention = { everyHours: 24, supersededHours: 24, graceHours: 0 }

/** What the daily collection of a server on `dataDir` answers, with everything on its disk old enough to go. */
async function collect(dataDir: string) {
  const order = { dataDir, database: databaseOf(dataDir), retention, upstreams: [] }
  const answer = await collectElsewhere(order, new AbortController().signal)
  return answer.kind === 'failed' ? answer.message : answer.kind
}

const blobsOf = (dataDir: string): readonly string[] =>
  namesIn(dataDir).filter((name) => name.startsWith('blobs/') && name.length > 64)

test('the daily collection deletes nothing by a database that came in place of its own, and makes none', () =>
  withTwo(async (one, two) => {
    await serve(one)
    await serve(two)
    const blobs = blobsOf(one)
    assert.ok(blobs.length > 0)
    for (const name of blobs) await utimes(join(one, name), 0, 0)

    await rename(databaseOf(one).path, join(one, 'elsewhere'))
    assert.match(await collect(one), /there is no database/)
    assert.ok(!existsSync(databaseOf(one).path))

    await cp(databaseOf(two).path, databaseOf(one).path)
    for (let times = 0; times < 2; times += 1) assert.match(await collect(one), /belongs to another index/)

    await rename(join(one, 'elsewhere'), databaseOf(one).path)
    assert.equal(await collect(one), 'collected')
    assert.deepEqual(blobsOf(one), blobs)
  }))

test('a database of an earlier version that belongs to another folder is refused before it is changed', () =>
  withTwo(async (one, two) => {
    await serve(one)
    const database = databaseOf(join(two, 'old'))
    await (await openStore(database, { upTo: '0001-first' }))[Symbol.asyncDispose]()
    await assert.rejects(serve(one, { database }), other)
    await assert.rejects(openAdministration(indexDefaults(one, { database })), other)
    await assert.rejects(planUpgrade(database, onlyOfFolder(one)), other)
    await assert.rejects(upgradeStore(database, onlyOfFolder(one)), other)
    assert.equal((await planUpgrade(database, onlyOfFolder(join(two, 'old')))).pending[0], '0002-operation')
  }))
