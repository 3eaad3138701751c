import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import pg from 'pg'
import { openStore } from '../../packages/index/src/store/store.ts'
import type { Store } from '../../packages/index/src/store/store.ts'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { recordEvent } from '../../packages/index/src/telemetry/events.ts'
import type { IndexEvent } from '../../packages/index/src/telemetry/events.ts'
import { followEvents, newestEvent, readEvents } from '../../packages/index/src/telemetry/read-events.ts'
import { until } from '../support/behind-upstream.ts'

const userCreated = (user: string): IndexEvent => ({
  kind: 'user-created',
  at: '2026-01-02T03:04:05.000Z',
  actor: null,
  project: null,
  detail: { user, admin: false },
})

suite('events on PostgreSQL: whoever has seen an id has seen all before it', () => {
  let server: PostgresServer
  let stores: readonly [Store, Store]
  let onlooker: pg.Client

  before(async () => {
    server = await startEmbeddedPostgres()
    const url = await server.createDatabase()
    const open = () => openStore({ kind: 'postgres', url })
    stores = [await open(), await open()]
    onlooker = new pg.Client({ connectionString: url })
    await onlooker.connect()
  })
  after(async () => {
    await onlooker.end()
    for (const store of stores) await store[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  test('an id given out first and committed last is not skipped by a reader that reads in between', async () => {
    const [first, second] = stores
    const start = await newestEvent(first)
    const [written, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = first.transaction(async (tx) => {
      await recordEvent(tx, userCreated('slow'))
      written.resolve()
      await commit.promise
    })
    await written.promise
    let quickDone = false
    const quick = second.transaction((tx) => recordEvent(tx, userCreated('quick'))).then(() => (quickDone = true))
    // Either it waits for the other's commit, as it should, or it has overtaken it.
    const waiting = async (): Promise<boolean> => {
      const { rows } = await onlooker.query("select 1 from pg_locks where locktype = 'advisory' and not granted")
      return quickDone || rows.length > 0
    }
    await until(waiting, (found) => found)
    const seen = await readEvents(second, start, 100)
    commit.resolve()
    await Promise.all([slow, quick])
    const rest = await readEvents(second, seen.at(-1)?.id ?? start, 100)
    assert.deepEqual(
      [...seen, ...rest].map(({ detail }) => (detail as { user: string }).user),
      ['slow', 'quick'],
    )
  })

  test('a follower of two hundred transactions of two nodes misses none', async () => {
    const start = await newestEvent(stores[0])
    const count = 200
    const ended = new AbortController()
    const ids: number[] = []
    const users = new Set<string>()
    const following = (async () => {
      for await (const events of followEvents(stores[0], start, ended.signal)) {
        for (const { id, detail } of events) {
          ids.push(id)
          users.add((detail as { user: string }).user)
        }
        if (ids.length >= count) ended.abort()
      }
    })()
    // A follower that looks as often as it can, beside the one that waits between two looks.
    let last = start
    let found = 0
    let written = false
    const looking = (async () => {
      for (;;) {
        const all = written
        const events = await readEvents(stores[1], last, 1000)
        last = events.at(-1)?.id ?? last
        found += events.length
        if (all) return
      }
    })()
    const work = Array.from({ length: count }, (_, at) =>
      stores[at % 2 === 0 ? 0 : 1].transaction((tx) => recordEvent(tx, userCreated(`user-${at}`))),
    )
    await Promise.all(work)
    written = true
    await Promise.all([looking, following])
    assert.deepEqual([found, users.size], [count, count])
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    )
  })
})
