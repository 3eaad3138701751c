import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { readPageBody } from '../releases/page-body.ts'
import { indexDefaults } from '../index-config.ts'
import { openAdministration } from '../open-administration.ts'
import { signingKeysIn } from '../publish/online-keys.ts'
import { holdFile } from '../store/sqlite-lock.ts'
import type { Store } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import type { ManifestPart } from './backup-format.ts'
import { CONFIG_PART, rowsPart } from './backup-format.ts'
import { auditRecords, verifyAudit } from '../telemetry/read-audit.ts'
import { openBackup } from './backup-source.ts'
import { checkBackup } from './check-backup.ts'
import { manifestFiles } from './read-manifest.ts'
import { jumpSince } from './renumber.ts'
import type { RestoreOutcome, RestoreTarget } from './restore.ts'
import { restoreBackup } from './restore.ts'
import type { KeptIndex } from './testing/kept-index.ts'
import { openKeptIndex } from './testing/kept-index.ts'

const LATER = 60_000

interface Bench {
  readonly index: KeptIndex
  /** The folder of backups, and the empty one to restore into. */
  readonly dest: string
  readonly target: string
  readonly restore: (
    options?: Partial<RestoreTarget> & { readonly from?: string; readonly id?: string },
  ) => Promise<RestoreOutcome>
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-restore-'))
  const [dest, target] = [join(folder, 'dest'), join(folder, 'target')]
  try {
    await using index = await openKeptIndex(join(folder, 'data'))
    await work({
      index,
      dest,
      target,
      restore: async ({ from = dest, id, ...options } = {}) => {
        return await restoreBackup(await openBackup(from, id), {
          dataDir: target,
          database: { kind: 'sqlite', path: join(target, 'waxseal.db') },
          signing: signingKeysIn(target),
          clock: { now: () => index.now + LATER },
          ...options,
        })
      },
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const openRestored = (target: string): Promise<Store> => openStore({ kind: 'sqlite', path: join(target, 'waxseal.db') })

/** Every row that a restore has to carry over as it was. */
async function carried(store: Store) {
  const { db } = store
  const settings = db
    .selectFrom('setting')
    .selectAll()
    .where('key', 'not in', ['last-backup', 'restored', 'restored-unserved', 'denial-next'])
  return {
    projects: await db.selectFrom('project').selectAll().orderBy('name').execute(),
    releases: await db.selectFrom('release').selectAll().orderBy('project').orderBy('version_key').execute(),
    files: await db.selectFrom('file').selectAll().orderBy('id').execute(),
    decisions: await db.selectFrom('decision').selectAll().orderBy('project').orderBy('rev').execute(),
    users: await db.selectFrom('user').selectAll().orderBy('name').execute(),
    tokens: await db.selectFrom('token').selectAll().orderBy('id').execute(),
    settings: await settings.orderBy('key').execute(),
  }
}

async function addAda(store: Store): Promise<void> {
  await store.transaction(async (tx) => {
    const at = '2026-11-24T12:00:00.000Z'
    await tx
      .insertInto('user')
      .values({ name: 'ada', password_hash: '$x', admin: 1, created_at: at, disabled_at: null })
      .execute()
    const token = { id: 't', user: 'ada', hash: 'h', scope: 'read', created_at: at } as const
    const rest = { project: null, label: 'é-😀', expires_at: null, last_used_at: null, revoked_at: null }
    await tx
      .insertInto('token')
      .values({ ...token, ...rest })
      .execute()
    await tx.insertInto('node').values({ id: 'n', started_at: at, seen_at: at, version: '1', status: '{}' }).execute()
    await tx
      .insertInto('garbage')
      .values({ sha256: 'a'.repeat(64), marked_at: at, touched: '' })
      .execute()
  })
}

test('a restored index has the same rows and blobs, and publishes everything again above every lost number', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await addAda(index.store)
    writeFileSync(join(index.dataDir, 'waxseal.toml'), 'reading = "private"\n')
    for (const version of ['1.0', '1.1']) await index.upload('demo', version)
    await index.upload('other', '1.0')
    const audit = await Array.fromAsync(auditRecords(index.store))
    const { manifest } = await index.backUp(dest)
    for (const form of ['folder', 'file'] as const) {
      const from = form === 'folder' ? dest : (await index.backUp(`${dest}.tar`, { form })).path
      const outcome = await restore({ from })
      assert.equal(outcome.kind, 'restored')
      const above = manifest.snapshot + LATER + 1_000_000
      assert.deepEqual([outcome.above, outcome.snapshot, outcome.unpublished], [above, above + 1, []])
      assert.equal(outcome.check.rows.get('file'), 3)
      {
        await using store = await openRestored(target)
        const before = await carried(index.store)
        // Guards refuse an older revision of a name than they have seen (attacks.md RB-BAK).
        const risen = before.projects.map((row) => ({ ...row, rev: row.rev + LATER + 1_000_000 }))
        const after = await carried(store)
        assert.deepEqual(
          { ...after, projects: after.projects.map((row) => ({ ...row })) },
          { ...before, projects: risen },
        )
        const newest = await store.db.selectFrom('event').selectAll().orderBy('id', 'desc').executeTakeFirst()
        assert.deepEqual([newest?.kind, JSON.parse(newest?.detail ?? '').snapshot], ['restored', above])
        const records = await Array.fromAsync(auditRecords(store))
        assert.ok(audit.length > 0)
        assert.deepEqual(records.slice(0, audit.length), audit)
        assert.equal(records.at(-1)?.action, 'restored')
        assert.equal((await verifyAudit(auditRecords(store), audit.at(-1)?.hash)).kind, 'holds')
        for (const table of ['node', 'garbage', 'lease'] as const) {
          assert.deepEqual(await store.db.selectFrom(table).selectAll().execute(), [], table)
        }
        const blobs = await openDirectoryBlobStore(join(target, 'blobs'))
        const old = new Map(
          (await index.store.db.selectFrom('page').selectAll().execute()).map((row) => [row.project, row]),
        )
        for (const page of await store.db.selectFrom('page').selectAll().execute()) {
          assert.equal(page.snapshot, above + 1)
          assert.equal(page.prev_sha256, old.get(page.project)?.body_sha256)
          const body = JSON.parse((await readPageBody(blobs, page.body_sha256)).toString())
          assert.deepEqual(body._waxseal, { snapshot: above + 1, prev: page.prev_sha256, source: 'local' })
          assert.equal(body.meta['_last-serial'], above + 1)
        }
        const seqs = await store.db.selectFrom('journal').selectAll().where('action', '=', 'restore').execute()
        assert.ok(seqs.length === 2 && seqs.every(({ seq, snapshot }) => seq > 1_000_000 && snapshot === above + 1))
      }
      const restored = await openKeptIndex(target)
      await restored.upload('demo', '2.0')
      const { id } = await restored.store.db
        .selectFrom('file')
        .select('id')
        .where('version', '=', '2.0')
        .executeTakeFirstOrThrow()
      assert.ok(id > 1_000_000, 'file numbers go on above the lost ones')
      await restored[Symbol.asyncDispose]()
      assert.equal(readFileSync(join(target, 'waxseal.toml.restored'), 'utf8'), 'reading = "private"\n')
      assert.deepEqual(
        readdirSync(target).filter((name) => name.startsWith('restore')),
        [],
      )
      await rm(target, { recursive: true })
    }
  }))

test('a tar file of files larger than what is read at once, and of thousands of them, is verified and restored', () =>
  withBench(async ({ index, dest, target, restore }) => {
    const wholeTar = async (path: string): Promise<string> => {
      const { manifest } = await index.backUp(path, { form: 'file' })
      const { damagedParts, lostCount, blobs } = await checkBackup(await openBackup(path))
      assert.deepEqual([damagedParts, lostCount, blobs.count], [[], 0, manifest.blobs.count])
      return path
    }
    for (const version of ['1.0', '1.1', '1.2']) await index.upload('large', version, 800_000)
    assert.equal((await restore({ from: await wholeTar(`${dest}-large.tar`) })).kind, 'restored')
    {
      await using store = await openRestored(target)
      assert.equal((await store.db.selectFrom('file').selectAll().execute()).length, 3)
    }
    const pages = Array.from({ length: 2100 }, (_, at) => {
      const body_sha256 = hash('sha256', `page ${at}`)
      const shard = join(index.dataDir, 'blobs', body_sha256.slice(0, 2), body_sha256.slice(2, 4))
      mkdirSync(shard, { recursive: true })
      writeFileSync(join(shard, body_sha256), `page ${at}`)
      return { project: 'large', snapshot: 10 + at, body_sha256, superseded_at: '2026-11-24T12:00:00.000Z' }
    })
    await index.store.transaction((tx) => tx.insertInto('superseded_page').values(pages).execute())
    await wholeTar(`${dest}-many.tar`)
  }))

test('two restores of the same backup at different times never give a number twice', () => {
  const at = '2026-11-24T12:00:00.000Z'
  const backup = Date.parse(at)
  const [first, second] = [backup + 5000, backup + 900_000].map((now) => jumpSince(at, now))
  assert.ok(second !== undefined && first !== undefined && second - first >= 895_000)
  assert.equal(jumpSince(at, backup - 365 * 86_400_000), 1_000_000, 'a clock that is behind')
})

test('a dry run says the same and writes nothing; nor does a refusal', () =>
  withBench(async ({ index, dest, target, restore }) => {
    const sha256 = await index.upload('demo', '1.0')
    await index.backUp(dest)
    const dry = await restore({ dryRun: true })
    assert.deepEqual([dry.kind, dry.check.blobs.count, existsSync(target)], ['checked', 3, false])

    mkdirSync(target)
    writeFileSync(join(target, 'something'), '')
    await assert.rejects(restore(), { code: 'conflict', message: /is not empty: it has something/ })
    assert.deepEqual(readdirSync(target), ['something'])
    await unlink(join(target, 'something'))

    await unlink(join(dest, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256))
    assert.equal((await restore({ dryRun: true })).kind, 'incomplete')
    assert.equal((await restore()).kind, 'incomplete')
    assert.ok(!existsSync(join(target, 'waxseal.db')), 'there is no index')
    const rest = await restore({ allowMissing: true })
    assert.equal(rest.kind, 'restored')
    assert.deepEqual(rest.check.lost[0]?.uses, [
      { project: 'demo', part: 'file', filename: 'demo-1.0-py3-none-any.whl' },
    ])
  }))

test('a number that is known to be the highest is used, and one below the backup is refused', () =>
  withBench(async ({ index, dest, restore }) => {
    for (const version of ['1.0', '1.1', '1.2']) await index.upload('demo', version)
    await index.backUp(dest)
    await assert.rejects(restore({ above: 2 }), { code: 'config-invalid' })
    const outcome = await restore({ above: 3 })
    assert.ok(outcome.kind === 'restored')
    assert.deepEqual([outcome.above, outcome.snapshot], [3, 4])
  }))

test('an interrupted restore is refused by everything else, and finished by the same one', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    const { manifest } = await index.backUp(dest)
    index.now += 1000
    await index.upload('demo', '1.1')
    await index.backUp(dest)
    // Whenever it reports or asks for the time: among the blobs, among the rows, and after each of its transactions.
    let interruptions = 0
    for (let moment = 1; ; moment += moment < 16 ? 5 : 1) {
      let left = moment
      const strike = (): number => {
        left -= 1
        if (left === 0) throw new Error('the power is gone')
        return index.now + LATER
      }
      const outcome = await restore({ id: manifest.id, onProgress: strike, clock: { now: strike } }).catch(
        (error: Error) => error.message,
      )
      if (typeof outcome === 'object') break
      assert.equal(outcome, 'the power is gone')
      interruptions += 1
      await assert.rejects(openAdministration(indexDefaults(target)), {
        code: 'config-invalid',
        message: /interrupted/,
      })
      await assert.rejects(restore(), { code: 'conflict', message: new RegExp(manifest.id) })
      const again = await restore({ id: manifest.id })
      assert.ok(again.kind === 'restored' && again.snapshot === again.above + 1, `after moment ${moment}`)
      {
        await using administration = await openAdministration(indexDefaults(target))
        assert.equal((await administration.store.db.selectFrom('file').selectAll().execute()).length, 1)
      }
      await rm(target, { recursive: true })
    }
    assert.ok(interruptions > 6, `${interruptions} interruptions`)
  }))

test('a restore goes into a folder that has a configuration and what its edits leave; a cut-off end of it is cleaned up', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    await index.backUp(dest)
    mkdirSync(target)
    for (const name of ['waxseal.toml', '.waxseal.toml.lock']) writeFileSync(join(target, name), '')
    assert.equal((await restore()).kind, 'restored')

    // Killed after the note was removed, and before the rest.
    const staging = join(target, 'restore-unfinished')
    mkdirSync(staging)
    writeFileSync(join(staging, 'user.ndjson.zst'), 'password hashes')
    {
      using lock = holdFile(join(staging, 'lock'))
      assert.ok(lock !== undefined)
      await using _ = await openAdministration(indexDefaults(target))
      assert.ok(existsSync(join(staging, 'user.ndjson.zst')), 'another process is at it')
    }
    await using _ = await openAdministration(indexDefaults(target))
    assert.equal(existsSync(staging), false)
  }))

const notRoot = process.getuid?.() !== 0 && 'only root can make files in the folder of somebody else'

test("a restore that root began can be finished by the folder's owner: all of it is theirs", { skip: notRoot }, () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    await index.backUp(dest)
    mkdirSync(target)
    chownSync(target, 65_534, 65_534)
    // Once the rows are there.
    const now = (): number => {
      if (existsSync(join(target, 'restore-unfinished/waxseal.db-wal'))) throw new Error('the power is gone')
      return index.now + LATER
    }
    await assert.rejects(restore({ clock: { now } }), { message: 'the power is gone' })
    const names = readdirSync(target, { recursive: true, encoding: 'utf8' })
    for (const name of ['state.json', 'lock', 'waxseal.db', 'file.ndjson.zst']) {
      assert.ok(names.includes(`restore-unfinished/${name}`), `${name} is not among ${names.join(', ')}`)
    }
    assert.deepEqual(
      names.filter((name) => statSync(join(target, name)).uid !== 65_534),
      [],
    )
  }),
)

test('a second restore into the same folder is refused while the first is at it, at any moment of it', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    await index.backUp(dest)
    const source = await openBackup(dest)
    const refusals: unknown[] = []
    const second = async (): Promise<void> => {
      await assert.rejects(restore(), (error: unknown) => refusals.push(error) > 0)
    }
    const first = await restoreBackup(
      {
        ...source,
        async walk(visitor) {
          await second()
          await source.walk({
            async part(...args) {
              await visitor.part(...args)
              await second()
            },
            async blob(...args) {
              await second()
              await visitor.blob(...args)
            },
          })
        },
      },
      {
        dataDir: target,
        database: { kind: 'sqlite', path: join(target, 'waxseal.db') },
        signing: signingKeysIn(target),
        clock: { now: () => index.now },
      },
    )
    assert.equal(first.kind, 'restored')
    assert.ok(refusals.length > 5)
    for (const refusal of refusals) {
      assert.deepEqual(
        [(refusal as { code?: string }).code, /Another restore/.test(String(refusal))],
        ['conflict', true],
      )
    }
    await assert.rejects(restore(), { code: 'conflict', message: /is not empty/ })
    assert.ok(!existsSync(join(target, 'restore-unfinished')))
    await using store = await openRestored(target)
    assert.equal((await store.db.selectFrom('file').selectAll().execute()).length, 1)
  }))

test('what was built and is not what the backup holds becomes no index', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    await index.backUp(dest)
    const building = join(target, 'restore-unfinished', 'waxseal.db')
    const strike = (): number => {
      if (existsSync(building)) {
        const database = new DatabaseSync(building)
        try {
          database.exec('delete from file')
        } catch {
          // Not made yet, or the restore is writing: it asks for the time again.
        }
        database.close()
      }
      return index.now + LATER
    }
    await assert.rejects(restore({ clock: { now: strike } }), { code: 'conflict', message: /file has 0 rows, not 1/ })
    assert.ok(!existsSync(join(target, 'waxseal.db')))
  }))

test('a backup of an earlier schema is restored into its tables and brought up to date; a later one is refused', () =>
  withBench(async ({ index, dest, target, restore }) => {
    await index.upload('demo', '1.0')
    const { path, manifest } = await index.backUp(dest)
    const rewrite = (schema: readonly string[], parts = manifest.parts): void => {
      for (const [name, bytes] of manifestFiles({ ...manifest, schema, parts })) writeFileSync(join(path, name), bytes)
    }
    // What one of the first release has: without the tables and columns that later steps added.
    const later = [
      'tuf_file',
      'namespace',
      'denial',
      'approval',
      'target',
      'opening',
      'team',
      'team_member',
      'member',
      'transfer',
      'download_tally',
      'name_claim',
      'audit',
      'upstream_list',
      'upstream_finding',
      'webhook',
      'request',
    ].map(rowsPart)
    rewrite(
      ['0001-first'],
      manifest.parts
        .filter(({ name }) => !later.includes(name))
        .map((part) => withoutColumns(path, part, ['merge_rule', 'next_change_at', 'age_from', 'absent'])),
    )
    assert.equal((await restore()).kind, 'restored')
    {
      await using store = await openRestored(target)
      const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(store.db)
      assert.deepEqual(
        rows.map(({ name }) => name),
        manifest.schema,
      )
      const kinds = await store.db.selectFrom('event').select('kind').execute()
      assert.ok(kinds.some(({ kind }) => kind === 'schema-migrated'))
    }
    await rm(target, { recursive: true })
    rewrite([...manifest.schema, '9999-later'])
    await assert.rejects(restore(), { code: 'config-invalid', message: /Waxseal 1\.2\.3 wrote this backup/ })
    rewrite([])
    await assert.rejects(restore(), { code: 'config-invalid' })
    for (const [name, bytes] of manifestFiles({ ...manifest, version: 2 })) writeFileSync(join(path, name), bytes)
    await assert.rejects(openBackup(dest, manifest.id), { code: 'config-invalid', message: /newer version/ })
  }))

/** A part of a backup written anew without some columns. */
function withoutColumns(folder: string, part: ManifestPart, dropped: readonly string[]): ManifestPart {
  if (part.name === CONFIG_PART) return part
  const path = join(folder, part.name)
  const lines = zstdDecompressSync(readFileSync(path)).toString().trimEnd().split('\n')
  const columns = JSON.parse(lines[0] ?? '') as readonly string[]
  const kept = (line: string): string =>
    JSON.stringify((JSON.parse(line) as readonly unknown[]).filter((_, at) => !dropped.includes(columns[at] ?? '')))
  const bytes = zstdCompressSync(Buffer.from(lines.map((line) => `${kept(line)}\n`).join('')))
  writeFileSync(path, bytes)
  return { ...part, sha256: hash('sha256', bytes), size: bytes.length }
}
