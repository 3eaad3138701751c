import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SimpleProjectPage } from '@waxseal/packaging'
import { OPERATOR } from '../access/actor.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { BodyStore } from '../blobs/recent-blobs.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { BackgroundWork } from '../background-work.ts'
import type { Clock } from '../clock.ts'
import { recordClaim } from '../names/claim.ts'
import { setProjectStatus } from '../releases/lifecycle.ts'
import { readPublishedPage } from '../releases/page-body.ts'
import type { ProjectStatus } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { openStore } from '../store/store.ts'
import { PUBLISH_BATCH } from '../limits.ts'
import { CurrentProjects } from './current-projects.ts'
import { appendJournal } from './journal.ts'
import { Publisher, newestSnapshot } from './publisher.ts'
import { repeating } from '../repeating.ts'
import { Namespaces } from '../names/namespaces.ts'
import { systemClock } from '../clock.ts'

const clock: Clock = { now: () => Date.parse('2026-03-01T12:00:00.000Z') }
const at = new Date(clock.now()).toISOString()
const names = { namespaces: new Namespaces(), upstreams: [] }

interface Bench {
  readonly store: Store
  readonly blobs: BlobStore
  /** A second connection to the same database, as another process has. */
  openStore(): Promise<Store>
  publisher(blobs?: BodyStore, onPublished?: (snapshot: number, projects: ReadonlySet<string>) => void): Publisher
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-publish-'))
  const path = join(folder, 'index.sqlite')
  try {
    await using store = await openStore({ kind: 'sqlite', path })
    const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
    await work({
      store,
      blobs,
      openStore: () => openStore({ kind: 'sqlite', path }),
      publisher: (through: BodyStore = blobs, onPublished) =>
        new Publisher({ store, bodies: through, clock, names, publisher: 'test', ...(onPublished && { onPublished }) }),
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function claim(store: Store, project: string): Promise<void> {
  await store.transaction(async (tx) => {
    await recordClaim(tx, { project, displayName: project, at, actor: OPERATOR, by: 'administrator', evidence: [] })
    await appendJournal(tx, { project, action: 'create', at, actor: 'ada' })
  })
}

const status = (store: Store, project: string, to: ProjectStatus) =>
  setProjectStatus(store, clock, { project, status: to, administrator: true, actor: OPERATOR })

async function published({ store, blobs }: Bench, project: string): Promise<SimpleProjectPage> {
  const page = await store.db.selectFrom('page').selectAll().where('project', '=', project).executeTakeFirstOrThrow()
  return readPublishedPage(blobs, page.body_sha256)
}

const waiting = async (store: Store): Promise<number> =>
  (await store.db.selectFrom('journal').select('seq').where('snapshot', 'is', null).execute()).length

/** A blob store whose next `put` waits, after the bytes are there, until it is let go. */
function pausing(blobs: BlobStore): {
  readonly blobs: BodyStore
  readonly reached: Promise<void>
  release(): void
} {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    release: released.resolve,
    blobs: {
      get: (sha256) => blobs.get(sha256),
      async put(sha256, source) {
        const stored = await blobs.put(sha256, source)
        reached.resolve()
        await released.promise
        return stored
      },
    },
  }
}

test('publishes what was journalled before the call, once', () =>
  withBench(async (bench) => {
    const publisher = bench.publisher()
    await claim(bench.store, 'one')
    await claim(bench.store, 'two')
    await publisher.publish()
    assert.equal(await newestSnapshot(bench.store), 1)
    assert.equal(await waiting(bench.store), 0)
    await publisher.publish()
    assert.equal(await newestSnapshot(bench.store), 1, 'nothing to say, no snapshot')
  }))

test('a page that says what it said before is not published again', () =>
  withBench(async (bench) => {
    const publisher = bench.publisher()
    await claim(bench.store, 'one')
    await publisher.publish()
    await bench.store.transaction((tx) => appendJournal(tx, { project: 'one', action: 'refresh', at, actor: null }))
    await publisher.publish()
    assert.equal(await newestSnapshot(bench.store), 1)
    assert.equal(await waiting(bench.store), 0)
    assert.equal((await bench.store.db.selectFrom('superseded_page').selectAll().execute()).length, 0)
  }))

test('an empty name that becomes ours is listed, although its page says the same', () =>
  withBench(async (bench) => {
    const publisher = bench.publisher()
    const passing = { name: 'one', display_name: 'one', authority: 'unclaimed', upstream: null, rev: 0 } as const
    await bench.store.transaction(async (tx) => {
      const row = { ...passing, status: 'active', status_reason: null, created_at: at } as const
      await tx.insertInto('project').values(row).execute()
      await appendJournal(tx, { project: 'one', action: 'refresh', at, actor: null })
    })
    await publisher.publish()
    await claim(bench.store, 'one')
    await publisher.publish()
    const page = await bench.store.db.selectFrom('page').select('listed').executeTakeFirstOrThrow()
    assert.equal(page.listed, 1)
  }))

test('what arrives while a batch runs is one next batch, and every caller waits for its own', () =>
  withBench(async (bench) => {
    const slow = pausing(bench.blobs)
    const batches: (readonly string[])[] = []
    const publisher = bench.publisher(slow.blobs, (_snapshot, projects) => batches.push([...projects]))
    await claim(bench.store, 'first')
    const running = publisher.publish()
    await slow.reached
    for (const name of ['second', 'third', 'fourth']) await claim(bench.store, name)
    const callers = [publisher.publish(), publisher.publish(), publisher.publish()]
    slow.release()
    await running
    await Promise.all(callers)
    assert.deepEqual(batches, [['first'], ['second', 'third', 'fourth']])
    assert.equal(await newestSnapshot(bench.store), 2)
  }))

test('more than one batch is worked off in one call', () =>
  withBench(async (bench) => {
    await claim(bench.store, 'one')
    await bench.store.transaction(async (tx) => {
      for (let row = 0; row < PUBLISH_BATCH; row += 1) {
        await appendJournal(tx, { project: 'one', action: 'refresh', at, actor: null })
      }
    })
    await claim(bench.store, 'two')
    await bench.publisher().publish()
    assert.equal(await waiting(bench.store), 0)
    assert.equal((await published(bench, 'two')).name, 'two')
  }))

test('pages are chained: each names its snapshot and the one before', () =>
  withBench(async (bench) => {
    const publisher = bench.publisher()
    await claim(bench.store, 'one')
    await publisher.publish()
    const first = await bench.store.db.selectFrom('page').selectAll().executeTakeFirstOrThrow()
    await status(bench.store, 'one', 'deprecated')
    await publisher.publish()
    const second = await bench.store.db.selectFrom('page').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([first.prev_sha256, second.prev_sha256], [null, first.body_sha256])
    const old = await bench.store.db.selectFrom('superseded_page').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([old.project, old.snapshot, old.body_sha256], ['one', 1, first.body_sha256])
    assert.ok(await bench.blobs.head(first.body_sha256), 'superseded bytes stay')
  }))

test('a crash between the body and the transaction leaves the snapshot before whole, and starting again goes on', () =>
  withBench(async (bench) => {
    await claim(bench.store, 'one')
    await bench.publisher().publish()
    await status(bench.store, 'one', 'deprecated')
    const crashing: BodyStore = {
      get: (sha256) => bench.blobs.get(sha256),
      async put(sha256, source) {
        await bench.blobs.put(sha256, source)
        throw new Error('power cut')
      },
    }
    await assert.rejects(bench.publisher(crashing).publish(), /power cut/)
    assert.equal(await newestSnapshot(bench.store), 1)
    assert.equal((await published(bench, 'one')).status?.status, 'active')
    await bench.publisher().publish()
    assert.equal((await published(bench, 'one')).status?.status, 'deprecated')
    assert.equal(await newestSnapshot(bench.store), 2)
  }))

test('a publisher that failed once publishes the next time', () =>
  withBench(async (bench) => {
    let failures = 1
    const shaky: BodyStore = {
      get: (sha256) => bench.blobs.get(sha256),
      async put(sha256, source) {
        if (failures-- > 0) throw new Error('disk full')
        return bench.blobs.put(sha256, source)
      },
    }
    const publisher = bench.publisher(shaky)
    await claim(bench.store, 'one')
    const [first, second] = await Promise.allSettled([publisher.publish(), publisher.publish()])
    assert.deepEqual([first.status, second.status], ['rejected', 'fulfilled'])
    assert.equal(await newestSnapshot(bench.store), 1)
  }))

test('two publishers on one store: every snapshot number is given once, and no change is lost', () =>
  withBench(async (bench) => {
    const publishers = [bench.publisher(), bench.publisher()]
    const work: Promise<void>[] = []
    for (let round = 0; round < 20; round += 1) {
      await claim(bench.store, `project-${round}`)
      for (const publisher of publishers) work.push(publisher.publish())
    }
    await Promise.all(work)
    assert.equal(await waiting(bench.store), 0)
    const versions = await bench.store.db.selectFrom('snapshot').select('version').orderBy('version').execute()
    assert.deepEqual(
      versions.map(({ version }) => version),
      versions.map((_row, place) => place + 1),
    )
    assert.equal((await bench.store.db.selectFrom('page').select('project').execute()).length, 20)
  }))

test('a publisher that is slow never brings back what another has overtaken', () =>
  withBench(async (bench) => {
    await claim(bench.store, 'one')
    await bench.publisher().publish()
    const slow = pausing(bench.blobs)
    await status(bench.store, 'one', 'quarantined')
    const late = bench.publisher(slow.blobs).publish()
    await slow.reached
    // Undone meanwhile: to another publisher, both changes together are nothing to publish.
    await status(bench.store, 'one', 'active')
    await bench.publisher().publish()
    slow.release()
    await late
    assert.equal((await published(bench, 'one')).status?.status, 'active')
    assert.equal(await waiting(bench.store), 0)
  }))

test('readers see a commit of another process with their very next question', () =>
  withBench(async (bench) => {
    await claim(bench.store, 'one')
    await bench.publisher().publish()
    const current = new CurrentProjects(bench.store, names, systemClock)
    assert.equal((await current.get('one')).status, 'active')
    await using elsewhere = await bench.openStore()
    await status(elsewhere, 'one', 'quarantined')
    const publisher = new Publisher({ store: elsewhere, bodies: bench.blobs, clock, names, publisher: 'elsewhere' })
    await publisher.publish()
    const state = await current.get('one')
    assert.deepEqual([state.status, state.page?.snapshot], ['quarantined', 2])
  }))

test('readers keep a known name, and never one that does not exist', () =>
  withBench(async (bench) => {
    await claim(bench.store, 'one')
    const current = new CurrentProjects(bench.store, names, systemClock)
    await current.get('one')
    assert.ok(!(current.get('one') instanceof Promise), 'known: at once')
    await current.get('nothing')
    const stranger = current.get('nothing')
    assert.ok(stranger instanceof Promise, 'a stranger’s names take no room')
    current.forget(['one'])
    const forgotten = current.get('one')
    assert.ok(forgotten instanceof Promise)
    await Promise.all([stranger, forgotten])
  }))

test('what is brought out for others is out when a server stops: its database closes next', (t) =>
  withBench(async (bench) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const pause = pausing(bench.blobs)
    const failures: unknown[] = []
    const publisher = bench.publisher(pause.blobs)
    const background = new BackgroundWork({ graceMs: 60_000, onLate: () => assert.fail('late') })
    using strays = repeating(() => publisher.publish(), { everyMs: 1000 }, background, {
      onFailure: (error) => failures.push(error),
      onRecovery: () => undefined,
    })
    await claim(bench.store, 'one')
    t.mock.timers.tick(1000)
    await pause.reached
    strays[Symbol.dispose]()
    const stopped = background[Symbol.asyncDispose]()
    pause.release()
    await stopped
    assert.deepEqual([await waiting(bench.store), failures], [0, []])
  }))
