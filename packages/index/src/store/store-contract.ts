import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import { IndexError } from '../error.ts'
import type { NewFileRow } from './schema.ts'
import type { BlobReference } from '../keeping/referenced-blobs.ts'
import { isSpokenOf, mentionsOf } from '../keeping/blob-mentions.ts'
import { referencedBlobs } from '../keeping/referenced-blobs.ts'
import { STREAM_ROWS } from '../limits.ts'
import { Namespaces } from '../names/namespaces.ts'
import { claimLimit, noteClaim } from '../names/claim-limit.ts'
import { NO_CORPUS } from '../names/corpus.ts'
import { lookAtName } from '../names/name-objections.ts'
import { downloadsSince, DownloadTally } from '../telemetry/download-tally.ts'
import { streamRows } from './stream-rows.ts'
import { isUniqueViolation, openStore, type Store, type StoreOptions } from './store.ts'

/** What the contract needs of a database: places that hold nothing yet, and another process to compete with. */
export interface StoreUnderTest {
  fresh(): Promise<StoreOptions>
  /** Inserts snapshot `from` to `to` from elsewhere as fast as it can; resolves to the versions that it won. */
  race(options: StoreOptions, from: number, to: number): Promise<readonly number[]>
}

const UNANSWERED = { answered_at: null, answered_by: null, answer: null }

/** What every kind of store promises (design.md section 5). */
export function storeContract(kind: string, subject: StoreUnderTest): void {
  describe(`a store on ${kind}`, () => {
    it('gives back what was stored: nulls, flags, sizes beyond 32 bits, any text', async () => {
      await using store = await openStore(await subject.fresh())
      const row = file({ filename: 'é-😀-\u212a.whl', size: 2 ** 31 + 7, yanked: 1, yanked_reason: 'it’s "bad"' })
      const { id } = await store.transaction((tx) =>
        tx.insertInto('file').values(row).returning('id').executeTakeFirstOrThrow(),
      )
      const stored = await store.db.selectFrom('file').selectAll().executeTakeFirstOrThrow()
      assert.equal(typeof id, 'number')
      assert.deepEqual({ ...stored }, { age_from: null, ...row, id })
      const counted = await store.db
        .selectFrom('file')
        .select((select) => select.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      assert.equal(counted.count, 1)
    })

    it('sorts text by its bytes', async () => {
      await using store = await openStore(await subject.fresh())
      const keys = ['a-b', 'ab', 'a.b', 'B', 'a', 'é', 'z']
      await store.transaction((tx) =>
        tx
          .insertInto('setting')
          .values(keys.map((key) => ({ key, value: '' })))
          .execute(),
      )
      const rows = await store.db.selectFrom('setting').select('key').orderBy('key').execute()
      assert.deepEqual(
        rows.map((row) => row.key),
        ['B', 'a', 'a-b', 'a.b', 'ab', 'z', 'é'],
      )
    })

    it('refuses a flag that is neither 0 nor 1, and a token of nobody', async () => {
      await using store = await openStore(await subject.fresh())
      await assert.rejects(
        store.transaction((tx) =>
          tx
            .insertInto('file')
            .values(file({ stored: 2 }))
            .execute(),
        ),
      )
      const token = { id: 'a', user: 'nobody', hash: 'h', scope: 'read', created_at: '' } as const
      const rest = { project: null, label: null, expires_at: null, last_used_at: null, revoked_at: null }
      await assert.rejects(
        store.transaction((tx) =>
          tx
            .insertInto('token')
            .values({ ...token, ...rest })
            .execute(),
        ),
      )
    })

    it('finds projects by what their names look like, as the rule has it', async () => {
      await using store = await openStore(await subject.fresh())
      const row = { authority: 'internal', upstream: null, rev: 0, created_at: '' } as const
      const names = ['bill-online-0', 'requests', 'o', 'l-i-1']
      const values = names.map((name) => ({
        ...row,
        name,
        display_name: name,
        status: 'active' as const,
        status_reason: null,
      }))
      await store.transaction((tx) => tx.insertInto('project').values(values).execute())
      const config = { namespaces: new Namespaces(), corpus: NO_CORPUS }
      for (const [typed, meant] of [
        ['bi11onlineo', 'bill-online-0'],
        ['requests', undefined],
        ['reqeusts', 'requests'],
        ['0', 'o'],
        ['i1l', 'l-i-1'],
        ['1i', undefined],
      ] as const) {
        const { objections } = await lookAtName(store.db, typed, config)
        assert.equal(/ '([^']+)', a project/.exec(objections[0]?.message ?? '')?.[1], meant, typed)
      }
    })

    it('adds up downloads, and counts claims', async () => {
      await using store = await openStore(await subject.fresh())
      const clock = { now: () => Date.parse('2026-11-26T12:00:00.000Z') }
      const row = { authority: 'upstream', upstream: 'pypi', rev: 0, created_at: '' } as const
      const project = { ...row, name: 'six', display_name: 'six', status: 'active', status_reason: null } as const
      await store.transaction((tx) => tx.insertInto('project').values(project).execute())
      const tally = new DownloadTally({ store, clock, days: 30 })
      for (const who of ['alice', 'bob', 'bob']) {
        tally.note('six', { kind: 'principal', user: who, scope: 'read' }, '192.0.2.1')
        await tally.flush()
      }
      const lastDay = '2026-11-26'
      assert.deepEqual(await downloadsSince(store.db, 'six', lastDay), [
        { who: 'bob', downloads: 2, lastDay },
        { who: 'alice', downloads: 1, lastDay },
      ])
      const at = new Date(clock.now()).toISOString()
      const actor = { name: 'alice', credential: null, address: '192.0.2.1' }
      const limit = () => claimLimit(store.db, { actor, now: clock.now(), perDay: 1 })
      assert.equal(await limit(), undefined)
      await store.transaction((tx) => noteClaim(tx, { project: 'one', at, actor }))
      assert.deepEqual(await limit(), { who: 'user', claims: 1, until: '2026-11-27T12:00:00.000Z' })
    })

    it('has one open transfer of a project', async () => {
      await using store = await openStore(await subject.fresh())
      const open = { project: 'demo', holder_kind: 'user', holder: 'bob', asked_at: '', asked_by: 'alice' } as const
      const offer = (number: number, answered: boolean): Promise<unknown> => {
        const answer = answered ? ({ answered_at: '', answered_by: 'bob', answer: 'declined' } as const) : UNANSWERED
        return store.transaction((tx) =>
          tx
            .insertInto('transfer')
            .values({ ...open, ...answer, number })
            .execute(),
        )
      }
      await offer(1, true)
      await offer(2, true)
      await offer(3, false)
      await assert.rejects(offer(4, false), isUniqueViolation)
    })

    it('knows a unique violation, of a primary key and of another unique value, from other errors', async () => {
      await using store = await openStore(await subject.fresh())
      const add = (row: NewFileRow): Promise<unknown> =>
        store.transaction((tx) => tx.insertInto('file').values(row).execute())
      await add(file({}))
      await assert.rejects(add(file({})), isUniqueViolation)
      await add(file({ project: 'other' }))
      await add(file({ source: 'pypi' }))
      await publish(store, 1)
      await assert.rejects(publish(store, 1), isUniqueViolation)
      await assert.rejects(add(file({ source: 'x', stored: 7 })), (error) => !isUniqueViolation(error))
    })

    it('shows a commit that may wait for its durability at once, and loses none before a later one', async () => {
      const options = await subject.fresh()
      const put = (store: Store, key: string, durability: 'at-once' | 'with-the-next') =>
        store.transaction((tx) => tx.insertInto('setting').values({ key, value: '' }).execute(), durability)
      const keys = async (store: Store) =>
        (await store.db.selectFrom('setting').select('key').orderBy('key').execute()).map((row) => row.key)
      {
        await using store = await openStore(options)
        await put(store, 'a', 'with-the-next')
        assert.deepEqual(await keys(store), ['a'])
        await put(store, 'b', 'at-once')
        await put(store, 'c', 'with-the-next')
      }
      await using reopened = await openStore(options)
      assert.deepEqual(await keys(reopened), ['a', 'b', 'c'])
    })

    it('undoes all of a transaction that throws, and hands on what it threw', async () => {
      await using store = await openStore(await subject.fresh())
      const reason = new Error('changed my mind')
      const attempt = store.transaction(async (tx) => {
        await tx.insertInto('setting').values({ key: 'a', value: '1' }).execute()
        throw reason
      })
      await assert.rejects(attempt, (error) => error === reason)
      assert.deepEqual(await settings(store), [])
      await set(store, 'b')
      assert.deepEqual(await settings(store), ['b'])
    })

    it('shows nobody the rows of a transaction before its end', async () => {
      await using store = await openStore(await subject.fresh())
      const inserted = Promise.withResolvers<undefined>()
      const mayEnd = Promise.withResolvers<undefined>()
      const running = store.transaction(async (tx) => {
        await tx.insertInto('setting').values({ key: 'a', value: '1' }).execute()
        inserted.resolve(undefined)
        await mayEnd.promise
      })
      await inserted.promise
      assert.deepEqual(await settings(store), [])
      mayEnd.resolve(undefined)
      await running
      assert.deepEqual(await settings(store), ['a'])
    })

    it('shows one state to who reads consistently, whatever is committed meanwhile, and holds up no writer', async () => {
      await using store = await openStore(await subject.fresh())
      await set(store, 'before')
      const streamed = await store.consistently(async (snapshot) => {
        await set(store, 'meanwhile')
        const rows: string[] = []
        const query = snapshot.selectFrom('setting').select('key').orderBy('key')
        for await (const row of streamRows(store.kind, snapshot, query)) rows.push(row.key)
        return rows
      })
      assert.deepEqual(streamed, ['before'])
      assert.deepEqual(await settings(store), ['before', 'meanwhile'])
      await assert.rejects(
        store.consistently((snapshot) => snapshot.insertInto('setting').values({ key: 'x', value: '' }).execute()),
        /read-?only/,
      )
    })

    it('streams more rows than it fetches at a time, in order', async () => {
      await using store = await openStore(await subject.fresh())
      const keys = Array.from({ length: STREAM_ROWS * 2 + 1 }, (_, at) => String(at).padStart(6, '0'))
      await store.transaction((tx) =>
        tx
          .insertInto('setting')
          .values(keys.map((key) => ({ key, value: '' })))
          .execute(),
      )
      const streamed: string[] = []
      await store.consistently(async (snapshot) => {
        const query = snapshot.selectFrom('setting').select('key').orderBy('key')
        for await (const row of streamRows(store.kind, snapshot, query)) streamed.push(row.key)
      })
      assert.deepEqual(streamed, keys)
    })

    it('names every blob that rows speak of once, in order, and none that they let go', async () => {
      await using store = await openStore(await subject.fresh())
      const digest = (letter: string): string => letter.repeat(64)
      const page = { content_sha256: digest('e'), prev_sha256: digest('e'), listed: 1 }
      const names = (filename: string) => ({ filename, filename_key: filename })
      await store.transaction(async (tx) => {
        const whole = { sha256: digest('4'), size: 2 ** 40, has_metadata: 1, metadata_sha256: digest('2') }
        const gone = { sha256: digest('7'), stored: 1, deleted_at: '2026-11-22T00:00:00.000Z' }
        const elsewhere = { source: 'pypi', sha256: digest('8'), has_metadata: 1, metadata_sha256: digest('5') }
        const rows = [
          file({ ...names('a'), ...whole, stored: 1, attestations_sha256: digest('6') }),
          file({ ...names('b'), ...gone, metadata_sha256: digest('7'), attestations_sha256: digest('7') }),
          file({ ...names('c'), ...elsewhere }),
          file({ ...names('d'), ...elsewhere, sha256: digest('4'), metadata_sha256: digest('2'), stored: 1 }),
        ]
        await tx.insertInto('file').values(rows).execute()
        const place = { project: 'demo', snapshot: 2, body_sha256: digest('3') }
        await tx
          .insertInto('page')
          .values({ ...place, ...page })
          .execute()
        const old = { project: 'demo', snapshot: 1, body_sha256: digest('1'), superseded_at: '' }
        await tx.insertInto('superseded_page').values(old).execute()
      })
      const named: BlobReference[] = []
      await store.consistently(async (snapshot) => {
        for await (const blob of referencedBlobs(store.kind, snapshot)) named.push({ ...blob })
      })
      const unsized = { required: 1, size: null }
      assert.deepEqual(named, [
        { sha256: digest('1'), ...unsized },
        { sha256: digest('2'), ...unsized },
        { sha256: digest('3'), ...unsized },
        { sha256: digest('4'), required: 1, size: 2 ** 40 },
        { sha256: digest('5'), required: 0, size: null },
        { sha256: digest('6'), ...unsized },
      ])
      const mentions = await mentionsOf(store, new Set(['1', '2', '4', '7'].map(digest)))
      const told = (name: string) =>
        mentions.get(digest(name))?.map(({ project, part, filename }) => ({ project, part, filename }))
      assert.deepEqual(told('2'), [
        { project: 'demo', part: 'metadata', filename: 'a' },
        { project: 'demo', part: 'metadata', filename: 'd' },
      ])
      assert.deepEqual(told('1'), [{ project: 'demo', part: 'superseded-page', filename: undefined }])
      assert.deepEqual([told('3'), told('7')], [undefined, undefined])
      for (const name of ['1', '2', '4', '7']) {
        const spoken = await isSpokenOf(store, digest(name), mentions.get(digest(name)) ?? [])
        assert.equal(spoken, name !== '7', name)
      }
    })

    it('runs transactions that read before they write as if one after the other', async () => {
      await using store = await openStore(await subject.fresh())
      await store.transaction((tx) => tx.insertInto('setting').values({ key: 'count', value: '0' }).execute())
      const increment = (): Promise<unknown> =>
        store.transaction(async (tx) => {
          const row = await tx
            .selectFrom('setting')
            .select('value')
            .where('key', '=', 'count')
            .executeTakeFirstOrThrow()
          await turn()
          const value = String(Number(row.value) + 1)
          await tx.updateTable('setting').set({ value }).where('key', '=', 'count').execute()
        })
      await Promise.all(Array.from({ length: 8 }, increment))
      const row = await store.db.selectFrom('setting').select('value').executeTakeFirstOrThrow()
      assert.equal(row.value, '8')
    })

    it('refuses a write outside a transaction, and a transaction within one', async () => {
      await using store = await openStore(await subject.fresh())
      await assert.rejects(store.db.insertInto('setting').values({ key: 'a', value: '1' }).execute(), /read-?only/)
      await assert.rejects(
        store.transaction(() => store.transaction(async () => undefined)),
        /may not begin another/,
      )
      await set(store, 'after')
      assert.deepEqual(await settings(store), ['after'])
    })

    it('can be opened again, by two at once, and keeps what is there', async () => {
      const options = await subject.fresh()
      const both = await Promise.all([openStore(options), openStore(options)])
      await using one = both[0]
      await using two = both[1]
      await set(one, 'a')
      assert.deepEqual(await settings(two), ['a'])
      await using again = await openStore(options)
      assert.deepEqual(await settings(again), ['a'])
    })

    it('does not open a database that a newer version wrote', async () => {
      const options = await subject.fresh()
      {
        await using store = await openStore(options)
        await store.transaction((tx) =>
          sql`insert into kysely_migration (name, timestamp) values ('9999-later', 'then')`.execute(tx),
        )
      }
      await assert.rejects(openStore(options), (error) => {
        assert.ok(error instanceof IndexError)
        assert.equal(error.code, 'config-invalid')
        assert.match(error.message, /newer version of Waxseal .*9999-later/)
        return true
      })
    })

    it('tells when a snapshot came from elsewhere, once', async () => {
      const options = await subject.fresh()
      await using store = await openStore(options)
      await settled(store, false)
      await subject.race(options, 1, 1)
      await settled(store, true)
      await settled(store, false)
    })

    it('lets exactly one of two publishers have each snapshot version', async () => {
      const options = await subject.fresh()
      await using store = await openStore(options)
      const rounds = 100
      const elsewhere = subject.race(options, 1, rounds)
      const here = await raceFor(store, 1, rounds)
      const there = await elsewhere
      const all = [...here, ...there].sort((one, other) => one - other)
      assert.deepEqual(
        all,
        Array.from({ length: rounds }, (_, index) => index + 1),
        'each version was won once',
      )
    })
  })
}

/** Tries for each version in turn, waiting for nobody; a loser sees a unique violation and nothing else. */
export async function raceFor(store: Store, from: number, to: number): Promise<readonly number[]> {
  const won: number[] = []
  for (let version = from; version <= to; version++) {
    try {
      await publish(store, version)
      won.push(version)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
    }
  }
  return won
}

async function publish(store: Store, version: number): Promise<void> {
  const row = { version, at: '2026-11-22T00:00:00.000Z', publisher: String(process.pid), projects: 0 }
  await store.transaction((tx) => tx.insertInto('snapshot').values(row).execute())
}

/** Asks until the answer is `expected`: PostgreSQL answers at intervals. Fails by the test's time-out. */
async function settled(store: Store, expected: boolean): Promise<void> {
  if (!expected) {
    assert.equal(await store.changedElsewhere(), false)
    return
  }
  while (!(await store.changedElsewhere())) await turn()
}

async function set(store: Store, key: string): Promise<void> {
  await store.transaction((tx) => tx.insertInto('setting').values({ key, value: '' }).execute())
}

async function settings(store: Store): Promise<readonly string[]> {
  const rows = await store.db.selectFrom('setting').select('key').orderBy('key').execute()
  return rows.map((row) => row.key)
}

function file(values: Partial<NewFileRow>): NewFileRow {
  return {
    project: 'demo',
    source: 'local',
    filename: 'demo-1.0.tar.gz',
    filename_key: 'demo-1.0.tar.gz',
    version: '1.0',
    version_key: '1',
    kind: 'sdist',
    sha256: null,
    blake2b: null,
    md5: null,
    size: null,
    requires_python: null,
    has_metadata: 0,
    metadata_sha256: null,
    upload_time: '2026-11-22T00:00:00.000000Z',
    upload_time_source: 'upload',
    first_seen_at: '2026-11-22T00:00:00.000Z',
    yanked: 0,
    yanked_reason: null,
    url: null,
    provenance_url: null,
    attestations_sha256: null,
    python_version: null,
    comment: null,
    uploaded_by: null,
    stored: 0,
    admitted_at: null,
    withdrawn_at: null,
    deleted_at: null,
    ...values,
  }
}
