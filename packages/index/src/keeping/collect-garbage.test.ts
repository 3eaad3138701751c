import assert from 'node:assert/strict'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { digest, sample } from '../blobs/blob-store-contract.ts'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { deadPartName } from '../blobs/testing/dead-part-name.ts'
import { withLease } from '../store/lease.ts'
import type { Authority, NewFileRow } from '../store/schema.ts'
import type { Store, StoreOptions } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import type { PostgresServer } from '../store/testing/postgres-server.ts'
import { startEmbeddedPostgres } from '../store/testing/postgres-server.ts'
import type { EventKind } from '../telemetry/events.ts'
import type { UpstreamState } from '../telemetry/upstream-health.ts'
import type { CollectOptions } from './collect-garbage.ts'
import { collectGarbage, lastCollection } from './collect-garbage.ts'
import { dropOldEvents } from './drop-old-events.ts'
import { markGarbage } from './mark-garbage.ts'
import type { RetentionPolicy } from './retention.ts'
import { sweepGarbage } from './sweep-garbage.ts'

const HOUR = 3_600_000
const POLICY: RetentionPolicy = { graceHours: 24, supersededHours: 24, everyHours: 24 }

/** An index's store and blobs, with a clock that tests move. */
class Bench {
  readonly folder: string
  readonly store: Store
  readonly blobs: DirectoryBlobStore
  now = Date.now()

  constructor(folder: string, store: Store, blobs: DirectoryBlobStore) {
    this.folder = folder
    this.store = store
    this.blobs = blobs
  }

  collect(
    options: CollectOptions & { readonly policy?: Partial<RetentionPolicy>; readonly upstreams?: string[] } = {},
  ) {
    const { policy, upstreams = ['sim'], ...rest } = options
    const parts = {
      store: this.store,
      blobs: this.blobs,
      clock: { now: () => this.now },
      spoolDir: join(this.folder, 'spool'),
      policy: { ...POLICY, ...policy },
      upstreams,
    }
    return collectGarbage(parts, rest)
  }

  /** Stores a blob as if `hours` ago. */
  async blob(length: number, hours = 0): Promise<string> {
    const sha256 = digest(sample(length))
    await this.blobs.put(sha256, sample(length))
    const path = (await this.blobs.get(sha256))?.path
    assert.ok(path !== undefined)
    const time = new Date(this.now - hours * HOUR)
    utimesSync(path, time, time)
    return sha256
  }

  async file(row: Partial<NewFileRow> & Pick<NewFileRow, 'sha256'>): Promise<void> {
    const { filename = `demo-${row.version ?? '1.0'}-py3-none-any.whl`, version = '1.0' } = row
    const at = new Date(this.now).toISOString()
    const values: NewFileRow = {
      project: 'demo',
      source: 'local',
      filename,
      filename_key: filename,
      version,
      version_key: version,
      kind: 'wheel',
      blake2b: null,
      md5: null,
      size: 1,
      requires_python: null,
      has_metadata: 0,
      metadata_sha256: null,
      upload_time: at,
      upload_time_source: 'upload',
      first_seen_at: at,
      yanked: 0,
      yanked_reason: null,
      url: row.source === undefined ? null : 'https://files.example/x',
      provenance_url: null,
      attestations_sha256: null,
      python_version: null,
      comment: null,
      uploaded_by: null,
      stored: 1,
      admitted_at: at,
      withdrawn_at: null,
      deleted_at: null,
      ...row,
    }
    await this.store.transaction((tx) => tx.insertInto('file').values(values).execute())
  }

  /** As if `upstream`, which answers for `project`, had listed it `hours` ago. */
  async listed(project: string, upstream: string, hours: number, row: { readonly authority?: Authority } = {}) {
    const at = new Date(this.now - hours * HOUR).toISOString()
    const shared = { status: 'active', status_reason: null, upstream } as const
    const values = { name: project, display_name: project, authority: 'upstream', rev: 1, created_at: at } as const
    await this.store.transaction(async (tx) => {
      await tx
        .insertInto('project')
        .values({ ...shared, ...values, ...row })
        .execute()
      const page = { project, etag: null, last_modified: null, checked_at: at, ...shared }
      await tx.insertInto('upstream_page').values(page).execute()
    })
  }

  /** As if a server that runs now said this of an upstream. */
  async says(upstream: UpstreamState): Promise<void> {
    const status = JSON.stringify({
      requests: 0,
      failures: 0,
      caches: {},
      upstreams: [upstream],
      certificateExpires: null,
      residentBytes: 1,
    })
    const at = new Date(this.now).toISOString()
    const values = { id: 'node', started_at: at, seen_at: at, version: '1', status }
    await this.store.transaction(async (tx) => {
      await tx.deleteFrom('node').execute()
      await tx.insertInto('node').values(values).execute()
    })
  }

  /** The versions of `project` whose bytes are said to be here. */
  async storedVersions(project: string): Promise<readonly string[]> {
    const rows = this.store.db.selectFrom('file').select('version').where('project', '=', project)
    return (await rows.where('stored', '=', 1).orderBy('version').execute()).map(({ version }) => version)
  }

  async events(): Promise<readonly (readonly [string, string])[]> {
    const rows = await this.store.db.selectFrom('event').select(['kind', 'detail']).orderBy('id').execute()
    return rows.filter(({ kind }) => kind !== 'schema-migrated').map(({ kind, detail }) => [kind, detail])
  }

  async kept(...sha256s: readonly string[]): Promise<readonly boolean[]> {
    return Promise.all(sha256s.map(async (sha256) => (await this.blobs.head(sha256)) !== undefined))
  }

  marks(): Promise<readonly { readonly sha256: string }[]> {
    return this.store.db.selectFrom('garbage').select('sha256').execute()
  }
}

function garbageSuite(name: string, options: (folder: string) => StoreOptions | Promise<StoreOptions>): void {
  suite(`a collection of garbage, rows in ${name}`, () => {
    const folders: string[] = []
    after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

    async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
      const folder = await mkdtemp(join(tmpdir(), 'waxseal-garbage-'))
      folders.push(folder)
      await using store = await openStore(await options(folder))
      await work(new Bench(folder, store, await openDirectoryBlobStore(join(folder, 'blobs'))))
    }

    test('marks at first, deletes nothing, and says when it would', () =>
      withBench(async (bench) => {
        const garbage = await bench.blob(10, 2)
        const first = await bench.collect()
        const { marked, swept, nextSweepAt } = first.garbage
        assert.deepEqual(
          [marked, swept],
          [
            { blobs: 1, bytes: 10 },
            { blobs: 0, bytes: 0 },
          ],
        )
        assert.equal(nextSweepAt, new Date(bench.now + 24 * HOUR).toISOString())
        bench.now += 23 * HOUR
        const second = await bench.collect()
        assert.deepEqual([second.garbage.waiting.blobs, second.garbage.nextSweepAt], [1, nextSweepAt])
        assert.deepEqual(await bench.kept(garbage), [true])
        bench.now += 2 * HOUR
        assert.deepEqual((await bench.collect()).garbage.swept, { blobs: 1, bytes: 10 })
        assert.deepEqual(await bench.kept(garbage), [false])
        assert.deepEqual(await bench.marks(), [])
        assert.equal((await lastCollection(bench.store))?.garbage.swept.blobs, 1)
        assert.deepEqual(await bench.events(), [['garbage-swept', '{"files":1,"bytes":10}']])
      }))

    test('keeps whatever a row speaks of, and nothing that a deleted one does', () =>
      withBench(async (bench) => {
        const [file, sidecar, attestations, page, old] = await Promise.all(
          [1, 2, 3, 4, 5].map((n) => bench.blob(n, 48)),
        )
        const [deleted, given] = await Promise.all([6, 7].map((n) => bench.blob(n, 48)))
        assert.ok(file && sidecar && attestations && page && old && deleted && given)
        await bench.file({ sha256: file, metadata_sha256: sidecar, attestations_sha256: attestations })
        await bench.file({ sha256: deleted, filename: 'gone', deleted_at: '2026-01-01T00:00:00.000Z' })
        await bench.file({ sha256: given, filename: 'given-up', source: 'sim', stored: 0 })
        await bench.store.transaction(async (tx) => {
          const row = { project: 'demo', snapshot: 1 }
          const values = { ...row, body_sha256: page, prev_sha256: null, content_sha256: 'x', listed: 1 }
          await tx.insertInto('page').values(values).execute()
          const superseded_at = new Date(bench.now + 40 * HOUR).toISOString()
          await tx
            .insertInto('superseded_page')
            .values({ ...row, body_sha256: old, superseded_at })
            .execute()
        })
        await bench.collect()
        bench.now += 25 * HOUR
        const { used, swept } = (await bench.collect()).garbage
        assert.deepEqual([used.blobs, swept.blobs], [5, 2])
        assert.deepEqual(await bench.kept(file, sidecar, attestations, page, old, deleted, given), [
          true,
          true,
          true,
          true,
          true,
          false,
          false,
        ])
      }))

    test('unmarks what is referred to again, and forgets marks of what is gone', () =>
      withBench(async (bench) => {
        const again = await bench.blob(10, 2)
        const gone = await bench.blob(11, 2)
        await bench.collect()
        await bench.file({ sha256: again })
        await bench.blobs.delete(gone)
        bench.now += 25 * HOUR
        assert.equal((await bench.collect()).garbage.unmarked, 1)
        assert.deepEqual(await bench.kept(again), [true])
        assert.deepEqual(await bench.marks(), [])
      }))

    test('marks nothing of an upload that may be under way', () =>
      withBench(async (bench) => {
        await bench.blob(10, 0)
        const { young, marked } = (await bench.collect()).garbage
        assert.deepEqual([young.blobs, marked.blobs], [1, 0])
        assert.deepEqual(await bench.marks(), [])
      }))

    test('begins again with what was put anew since it was marked, its row not being written yet', () =>
      withBench(async (bench) => {
        const sha256 = await bench.blob(10, 48)
        await bench.collect()
        // An upload of the same bytes comes to `put`; its transaction is still to come.
        await bench.blobs.put(sha256, sample(10))
        bench.now += 25 * HOUR
        assert.equal((await bench.collect()).garbage.swept.blobs, 0)
        assert.deepEqual(await bench.kept(sha256), [true])
      }))

    test('sweeps nothing that any row speaks of by the time it is swept, whoever wrote it without touching the blob', () =>
      withBench(async (bench) => {
        const kinds = ['file', 'metadata', 'attestations', 'page', 'superseded-page', 'nothing', 'deleted'] as const
        const shas = await Promise.all(kinds.map((_kind, at) => bench.blob(at + 1, 48)))
        const [file = '', metadata = '', attestations = '', page = '', old = '', , deleted = ''] = shas
        await bench.collect()
        bench.now += 25 * HOUR
        const marking = { graceMs: 24 * HOUR, dryRun: false, limit: 100 }
        const { condemned } = await markGarbage(
          { store: bench.store, blobs: bench.blobs, clock: { now: () => bench.now } },
          marking,
        )
        assert.equal(condemned.length, kinds.length)
        await bench.file({ sha256: file })
        const given = { source: 'sim', stored: 0 }
        await bench.file({ sha256: digest(sample(50)), filename: 'a', metadata_sha256: metadata, ...given })
        await bench.file({ sha256: digest(sample(51)), filename: 'b', attestations_sha256: attestations })
        await bench.file({ sha256: deleted, filename: 'gone', deleted_at: '2026-01-01T00:00:00.000Z' })
        await bench.store.transaction(async (tx) => {
          const row = { project: 'demo', snapshot: 1 }
          const values = { ...row, body_sha256: page, prev_sha256: null, content_sha256: 'x', listed: 1 }
          await tx.insertInto('page').values(values).execute()
          const superseded_at = new Date(bench.now).toISOString()
          await tx
            .insertInto('superseded_page')
            .values({ ...row, body_sha256: old, superseded_at })
            .execute()
        })
        assert.equal((await sweepGarbage(bench, condemned)).blobs, 2)
        assert.deepEqual(await bench.kept(...shas), [true, true, true, true, true, false, false])
        assert.deepEqual(await bench.marks(), [])
      }))

    test('sweeps nothing that was just stored when the clock goes a year forward, or back', () =>
      withBench(async (bench) => {
        const stored = await bench.blob(10, 0)
        bench.now += 365 * 24 * HOUR
        assert.equal((await bench.collect()).garbage.swept.blobs, 0)
        assert.deepEqual(await bench.kept(stored), [true])
        bench.now -= 365 * 24 * HOUR
        // The mark is from the future: it begins again, and does not last a year either.
        assert.equal((await bench.collect()).garbage.swept.blobs, 0)
        bench.now += 2 * HOUR
        await bench.collect()
        bench.now += 25 * HOUR
        await bench.collect()
        assert.deepEqual(await bench.kept(stored), [false])
      }))

    test('only looks when told so', () =>
      withBench(async (bench) => {
        await bench.blob(10, 48)
        mkdirSync(join(bench.folder, 'spool'))
        writeFileSync(join(bench.folder, 'spool', deadPartName()), 'left')
        const before = await bench.collect({ dryRun: true })
        assert.deepEqual([before.garbage.marked.blobs, before.leftovers], [1, { files: 1, bytes: 4 }])
        assert.deepEqual(await bench.marks(), [])
        assert.deepEqual((await bench.collect()).leftovers, { files: 1, bytes: 4 })
        bench.now += 25 * HOUR
        assert.equal((await bench.collect({ dryRun: true })).garbage.swept.blobs, 1)
        assert.equal((await bench.collect({ dryRun: true })).leftovers.files, 0)
        assert.equal((await bench.collect()).garbage.swept.blobs, 1)
      }))

    test('deletes the rows of old pages, none younger than a day whatever the setting', () =>
      withBench(async (bench) => {
        await bench.store.transaction(async (tx) => {
          for (let hours = 1; hours <= 1200; hours++) {
            const superseded_at = new Date(bench.now - hours * HOUR).toISOString()
            const values = { project: 'demo', snapshot: hours, body_sha256: digest(sample(hours)), superseded_at }
            await tx.insertInto('superseded_page').values(values).execute()
          }
        })
        const count = async () =>
          (await bench.store.db.selectFrom('superseded_page').select('snapshot').execute()).length
        assert.equal((await bench.collect({ dryRun: true })).supersededPages, 1176)
        assert.equal(await count(), 1200)
        assert.equal((await bench.collect({ policy: { supersededHours: 0 } })).supersededPages, 1176)
        assert.equal(await count(), 24)
      }))

    test('drops signed metadata that was superseded a day ago, never a root, never the newest of a role', () =>
      withBench(async (bench) => {
        const write = async (role: string, version: number, hours: number | null) => {
          const superseded_at = hours === null ? null : new Date(bench.now - hours * HOUR).toISOString()
          const values = { role, version, body: '{}', expires_at: '2030-01-01T00:00:00.000Z', superseded_at }
          await bench.store.transaction((tx) => tx.insertInto('tuf_file').values(values).execute())
        }
        for (let version = 1; version <= 600; version++) await write('timestamp', version, 25 + version)
        await write('timestamp', 601, 23)
        await write('timestamp', 602, null)
        await write('root', 1, 1000)
        await write('root', 2, null)
        // Nobody signs it any more.
        await write('bin-00', 7, 1001)
        await write('bin-00', 8, 1000)
        const kept = async () =>
          (
            await bench.store.db
              .selectFrom('tuf_file')
              .select(['role', 'version'])
              .orderBy('role')
              .orderBy('version')
              .execute()
          ).map(({ role, version }) => `${version}.${role}`)
        assert.equal((await bench.collect({ dryRun: true })).supersededMetadata, 601)
        assert.equal((await kept()).length, 606)
        assert.equal((await bench.collect({ policy: { supersededHours: 0 } })).supersededMetadata, 601)
        const left = ['8.bin-00', '1.root', '2.root', '601.timestamp', '602.timestamp']
        assert.deepEqual(await kept(), left)
        assert.equal((await bench.collect()).supersededMetadata, 0)
      }))

    test('keeps a replaced page for as long as the signed bin that lists it', () =>
      withBench(async (bench) => {
        const at = new Date(bench.now).toISOString()
        const page = await bench.blob(10, 2)
        await bench.store.transaction(async (tx) => {
          const row = { project: 'demo', snapshot: 1, body_sha256: page, superseded_at: at }
          await tx.insertInto('superseded_page').values(row).execute()
          const file = { role: 'bin-00', body: '{}', expires_at: at }
          await tx
            .insertInto('tuf_file')
            .values({ ...file, version: 1, superseded_at: at })
            .execute()
          await tx
            .insertInto('tuf_file')
            .values({ ...file, version: 2, superseded_at: null })
            .execute()
        })
        bench.now += 24 * HOUR
        const before = await bench.collect()
        assert.deepEqual([before.supersededMetadata, before.supersededPages], [0, 0])
        bench.now += 1
        const after = await bench.collect()
        assert.deepEqual([after.supersededMetadata, after.supersededPages], [1, 1])
        assert.deepEqual(await bench.kept(page), [true], 'its bytes have a grace period of their own')
      }))

    test('drops what strangers caused a year ago, or too much of it, and nothing that anybody decided', () =>
      withBench(async (bench) => {
        const write = async (kind: EventKind, days: number, count: number) => {
          const at = new Date(bench.now - days * 24 * HOUR).toISOString()
          const event = { kind, at, actor: null, project: null, detail: '{}' }
          await bench.store.transaction(async (tx) => {
            for (let n = 0; n < count; n++) await tx.insertInto('event').values(event).execute()
          })
        }
        const counts = async (): Promise<Record<string, number>> =>
          Object.fromEntries(
            (await bench.events()).reduce(
              (all, [kind]) => all.set(kind, (all.get(kind) ?? 0) + 1),
              new Map<string, number>(),
            ),
          )
        await write('login-failures', 366, 1200)
        await write('user-disabled', 366, 3)
        await write('upstream-down', 366, 1)
        await write('login-failures', 364, 20)
        await write('upstream-up', 1, 2)
        assert.equal((await bench.collect({ dryRun: true })).oldEvents, 1201)
        assert.equal((await counts())['login-failures'], 1220)
        assert.equal((await bench.collect()).oldEvents, 1201)
        assert.deepEqual(await counts(), { 'user-disabled': 3, 'login-failures': 20, 'upstream-up': 2 })
        assert.equal((await bench.collect()).oldEvents, 0)
        const parts = { store: bench.store, clock: { now: () => bench.now } }
        assert.equal(await dropOldEvents(parts, { dryRun: false, most: 5 }), 15)
        assert.deepEqual(await counts(), { 'user-disabled': 3, 'login-failures': 5, 'upstream-up': 2 })
      }))

    test('gives up old versions of what is configured as an upstream, and of nothing else', () =>
      withBench(async (bench) => {
        const sources = ['local', 'sim', 'other', 'removed']
        for (const [at, source] of sources.entries()) {
          await bench.listed(source, source, 1)
          for (const [n, version] of ['1.0', '2.0', '3.0'].entries()) {
            await bench.file({ project: source, source, version, sha256: digest(sample(at * 10 + n)), size: 10 })
          }
        }
        const withdrawn = { version: '0.1', sha256: digest(sample(99)), withdrawn_at: '2026-01-01' }
        await bench.file({ project: 'sim', source: 'sim', ...withdrawn })
        const options = { policy: { upstreamVersions: 1 }, upstreams: ['sim', 'other'] }
        const stored = async () =>
          (await bench.store.db.selectFrom('file').select(['source', 'version']).where('stored', '=', 1).execute())
            .length
        assert.deepEqual((await bench.collect({ ...options, dryRun: true })).dropped, {
          projects: 2,
          files: 4,
          bytes: 40,
        })
        assert.equal(await stored(), 13)
        assert.equal((await bench.collect(options)).dropped?.files, 4)
        assert.equal(await stored(), 9)
        const local = bench.store.db.selectFrom('file').select('id').where('source', '=', 'local')
        assert.equal((await local.where('stored', '=', 1).execute()).length, 3)
        assert.equal((await bench.collect(options)).dropped?.files, 0)
        assert.equal((await bench.collect()).dropped, undefined)
        assert.deepEqual(await bench.events(), [['retention-applied', '{"files":4,"bytes":40}']])
      }))

    test('gives up nothing that its upstream may not be able to give again', () =>
      withBench(async (bench) => {
        const cases = {
          fresh: () => bench.listed('fresh', 'sim', 47),
          old: () => bench.listed('old', 'sim', 49),
          future: () => bench.listed('future', 'sim', -1),
          claimed: () => bench.listed('claimed', 'sim', 1, { authority: 'internal' }),
          elsewhere: () => bench.listed('elsewhere', 'other', 1),
          unlisted: async () => undefined,
        }
        for (const [at, [project, arrange]] of Object.entries(cases).entries()) {
          await arrange()
          for (const [n, version] of ['1.0', '2.0'].entries()) {
            await bench.file({ project, source: 'sim', version, sha256: digest(sample(at * 10 + n)) })
          }
        }
        const policy = { upstreamVersions: 1 }
        const failing: readonly UpstreamState[] = [
          { name: 'sim', open: ['https://sim.example'], lastSuccess: null, lastError: null },
          { name: 'sim', open: [], lastSuccess: null, lastError: { at: '2026-01-01T00:00:00.000Z', reason: 'x' } },
          {
            name: 'sim',
            open: [],
            lastSuccess: '2026-01-01T00:00:00.000Z',
            lastError: { at: '2026-01-01T00:00:01.000Z', reason: 'x' },
          },
        ]
        for (const state of failing) {
          await bench.says(state)
          assert.equal((await bench.collect({ policy })).dropped?.files, 0)
        }
        const recovered = { ...failing[2], lastSuccess: '2026-01-01T00:00:02.000Z' } as UpstreamState
        await bench.says(recovered)
        assert.equal((await bench.collect({ policy })).dropped?.files, 1)
        for (const project of Object.keys(cases)) {
          const expected = project === 'fresh' ? ['2.0'] : ['1.0', '2.0']
          assert.deepEqual(await bench.storedVersions(project), expected, project)
        }
      }))

    test('takes back what it gave up when its upstream withdraws it, or fails, before the bytes are gone', () =>
      withBench(async (bench) => {
        const policy = { upstreamVersions: 1 }
        await bench.listed('demo', 'sim', 1)
        const shas = await Promise.all([1, 2, 3].map((n) => bench.blob(n, 48)))
        for (const [at, version] of ['1.0', '2.0', '3.0'].entries()) {
          await bench.file({ source: 'sim', version, sha256: shas[at] ?? '', size: at + 1 })
        }
        assert.equal((await bench.collect({ policy })).dropped?.files, 2)
        assert.deepEqual(await bench.storedVersions('demo'), ['3.0'])
        await bench.store.transaction((tx) =>
          tx.updateTable('file').set({ withdrawn_at: '2026-01-01' }).where('version', '=', '1.0').execute(),
        )
        assert.equal((await bench.collect({ policy, dryRun: true })).takenBack, 1)
        assert.equal((await bench.collect({ policy })).takenBack, 1)
        assert.deepEqual(await bench.storedVersions('demo'), ['1.0', '3.0'])
        bench.now += 25 * HOUR
        await bench.says({ name: 'sim', open: ['https://sim.example'], lastSuccess: null, lastError: null })
        const outage = await bench.collect({ policy })
        assert.deepEqual([outage.takenBack, outage.garbage.swept.blobs], [1, 0])
        assert.deepEqual(await bench.storedVersions('demo'), ['1.0', '2.0', '3.0'])
        assert.deepEqual(await bench.kept(...shas), [true, true, true])
        assert.equal((await bench.collect({ policy })).takenBack, 0)
      }))

    test('takes back nothing whose bytes are gone or are not what they were', () =>
      withBench(async (bench) => {
        await bench.listed('demo', 'sim', 1)
        const sha256 = await bench.blob(10, 48)
        await bench.file({ source: 'sim', sha256, size: 11, stored: 0, withdrawn_at: '2026-01-01' })
        await bench.collect()
        assert.deepEqual((await bench.marks()).length, 1)
        assert.equal((await bench.collect()).takenBack, 0)
        assert.deepEqual(await bench.storedVersions('demo'), [])
      }))

    test('runs beside no other keeper', () =>
      withBench(async (bench) => {
        const clock = { now: () => bench.now }
        await withLease(bench.store, clock, { name: 'keeping', by: 'backup' }, () =>
          assert.rejects(bench.collect(), { code: 'conflict' }),
        )
        await bench.collect()
      }))
  })
}

garbageSuite('SQLite', (folder) => ({ kind: 'sqlite', path: join(folder, 'waxseal.db') }))

let server: PostgresServer
before(async () => {
  server = await startEmbeddedPostgres()
})
after(() => server[Symbol.asyncDispose]())

garbageSuite('PostgreSQL', async () => ({ kind: 'postgres', url: await server.createDatabase() }))
