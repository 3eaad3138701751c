import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { openDirectoryBlobStore } from '../../packages/index/src/blobs/directory-blob-store.ts'
import { indexDefaults } from '../../packages/index/src/index-config.ts'
import type { Diagnosis } from '../../packages/index/src/keeping/doctor.ts'
import { openAdministration } from '../../packages/index/src/open-administration.ts'
import { Publisher } from '../../packages/index/src/publish/publisher.ts'
import { TRUST_SETTING } from '../../packages/index/src/publish/trust-settings.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from '../trust/trusting-clients.ts'
import { Namespaces } from '@waxseal/index/names'

const DAY = 24 * 3_600_000
const PROJECTS = ['acme', 'other']
/** 1,024 bins; 256 shards each that are sealed, claimed and select; targets, deny, select, lists, bins. */
const ROLES = 1024 + 3 * 256 + 5

let scratch: string
let whole: string

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'waxseal-signed-'))
  whole = join(scratch, 'whole')
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: whole })
  for (const name of PROJECTS)
    assert.equal((await uploadFile(server, buildWheel({ name, version: '1.0' }))).status, 200)
})
after(async () => {
  await rm(scratch, { recursive: true, force: true })
})

let copies = 0
/** A copy, with its database changed past Waxseal. */
async function copyOfWhole(change: (database: DatabaseSync) => void = () => undefined): Promise<string> {
  const dataDir = join(scratch, `copy-${(copies += 1)}`)
  await cp(whole, dataDir, { recursive: true })
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'))
  change(database)
  database.close()
  return dataDir
}

async function examined(dataDir: string, repair = false, ahead = 0): Promise<Diagnosis> {
  await using index = await openAdministration(indexDefaults(dataDir), { clock: { now: () => Date.now() + ahead } })
  return await index.examine({ repair })
}

const told = ({ findings }: Diagnosis): readonly string[] => findings.map(({ code, what }) => `${code} ${what}`)

/** Looks, repairs, looks again; what the first look found. */
async function mended(dataDir: string): Promise<readonly string[]> {
  const found = await examined(dataDir)
  const repaired = await examined(dataDir, true)
  assert.deepEqual(told(repaired), told(found))
  assert.equal(repaired.left, 0, JSON.stringify(repaired.findings))
  assert.deepEqual(told(await examined(dataDir)), [], 'the second look finds nothing')
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir })
  await using clients = await trustingClients(server.url)
  await clients.follow(server.url, PROJECTS)
  return told(found)
}

/** The bin that lists the page of `acme`, as it is now. */
const BIN = `select role from tuf_file where superseded_at is null and body like '%"simple/acme/index.json"%'`

suite('what waxseal doctor finds in what is signed', () => {
  test('is nothing in an index that is whole, of which every role was looked at', async () => {
    const diagnosis = await examined(await copyOfWhole())
    assert.deepEqual([told(diagnosis), diagnosis.checked.roles], [[], ROLES])
  })

  test('is a bin that is damaged, which it makes anew from the pages', async () => {
    const dataDir = await copyOfWhole((database) => {
      database.exec(`update tuf_file set body = replace(body, '"length":', '"length":1')
        where superseded_at is null and role = (${BIN})`)
    })
    const [finding = '', ...more] = await mended(dataDir)
    assert.match(finding, /^metadata-damaged bin-[0-9a-f]{3}: .*is signed by 0 of the 1 keys/)
    assert.deepEqual(more, [])
  })

  test('are pages that a server published without signing them', async () => {
    const dataDir = await copyOfWhole()
    {
      await using store = await openStore({ kind: 'sqlite', path: join(dataDir, 'waxseal.db') })
      const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
      await store.transaction(async (tx) => {
        await tx.updateTable('page').set({ content_sha256: '' }).where('project', '=', 'acme').execute()
        const entry = { project: 'acme', action: 'refresh', at: new Date().toISOString(), actor: null, snapshot: null }
        await tx.insertInto('journal').values(entry).execute()
      })
      // As a version does that knows nothing of signing.
      const trust = await store.db
        .selectFrom('setting')
        .selectAll()
        .where('key', '=', TRUST_SETTING)
        .executeTakeFirstOrThrow()
      await store.transaction((tx) => tx.deleteFrom('setting').where('key', '=', TRUST_SETTING).execute())
      const names = { namespaces: new Namespaces(), upstreams: [] }
      await new Publisher({ store, bodies: blobs, clock: { now: Date.now }, names, publisher: 'old' }).publish()
      await store.transaction((tx) => tx.insertInto('setting').values(trust).execute())
    }
    assert.deepEqual(await mended(dataDir), ['page-unsigned acme'])
  })

  test('are pages that no bin lists', async () => {
    const dataDir = await copyOfWhole()
    {
      await using index = await openAdministration(indexDefaults(dataDir))
      await index.store.transaction((tx) => tx.deleteFrom('page').where('project', '=', 'acme').execute())
      const found = await index.examine()
      assert.ok(told(found).includes('page-unsigned acme, which has no page'), told(found).join('\n'))
      await index.examine({ repair: true })
    }
    const database = new DatabaseSync(join(whole, 'waxseal.db'))
    const row = database.prepare("select * from page where project = 'acme'").get() as Record<string, string | number>
    database.close()
    const copy = new DatabaseSync(join(dataDir, 'waxseal.db'))
    const columns = Object.keys(row)
    copy
      .prepare(`insert into page (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
      .run(...Object.values(row))
    copy.close()
    assert.deepEqual(await mended(dataDir), ['page-unsigned acme'])
  })

  test('is what has expired: a server signs its own again, people theirs', async () => {
    const dataDir = await copyOfWhole()
    const [timestamp = '', ...more] = told(await examined(dataDir, false, 2 * DAY))
    assert.match(timestamp, /^metadata-expired timestamp, at 20/)
    assert.deepEqual(more, [])
    const later = await examined(dataDir, true, 400 * DAY)
    const outcomes = new Map(later.findings.map(({ what, repair }) => [what.split(',')[0], repair?.done]))
    assert.deepEqual(
      ['timestamp', 'snapshot', 'deny', 'root', 'targets', 'sealed-00'].map((role) => outcomes.get(role)),
      [true, true, true, false, false, false],
    )
    const left = told(await examined(dataDir, false, 400 * DAY))
    assert.deepEqual(
      left.filter((line) => !/ (?:root|targets|bins|sealed-..), at /.test(line)),
      [],
    )
  })

  test('is a timestamp, snapshot or root without which nothing can be told', async () => {
    for (const role of ['timestamp', 'snapshot', 'root']) {
      const dataDir = await copyOfWhole((database) => database.exec(`delete from tuf_file where role = '${role}'`))
      const diagnosis = await examined(dataDir)
      assert.equal(diagnosis.counts['metadata-damaged'], 1, role)
      assert.match(diagnosis.findings[0]?.what ?? '', new RegExp(role))
    }
  })

  test('is a role that people sign, which only a backup brings back', async () => {
    const dataDir = await copyOfWhole((database) => {
      database.exec(`update tuf_file set body = replace(body, '"version":1', '"version":7') where role = 'sealed-a0'`)
    })
    const diagnosis = await examined(dataDir, true)
    assert.deepEqual(
      diagnosis.findings.map(({ code, repair }) => [code, repair]),
      [['metadata-damaged', { done: false, how: 'only a backup has what it held' }]],
    )
  })
})
