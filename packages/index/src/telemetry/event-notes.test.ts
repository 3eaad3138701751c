import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { BackgroundWork } from '../background-work.ts'
import { EVENT_NOTES_PER_MINUTE } from '../limits.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { EventNotes } from './event-notes.ts'
import type { Note } from './event-notes.ts'
import { reportingStore } from './events.ts'
import type { EventSink } from './events.ts'

const MINUTE = 60_000
const FAILURES: Note = {
  kind: 'login-failures',
  actor: null,
  project: null,
  detail: { address: '192.0.2.1', user: null },
}
const UP: Note = {
  kind: 'upstream-up',
  actor: null,
  project: null,
  detail: { upstream: 'sim', origin: 'https://sim.example', downSeconds: 1 },
}

interface Bench {
  readonly store: Store
  readonly tell: EventSink
  /** Ids of the events that were told; undefined where one is not recorded. */
  readonly told: (number | undefined)[]
  readonly clock: { now(): number }
  readonly background: BackgroundWork
  at: number
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'notes-'))
  const told: (number | undefined)[] = []
  const tell: EventSink = ({ id }) => void told.push(id)
  try {
    await using store = reportingStore(await openStore({ kind: 'sqlite', path: join(folder, 'x.db') }), tell)
    const background = new BackgroundWork({ graceMs: MINUTE, onLate: () => assert.fail('late') })
    const clock = { now: () => bench.at }
    const bench: Bench = { store, tell, told, background, clock, at: Date.parse('2026-01-02T03:04:05Z') }
    await work(bench)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const rows = async ({ store }: Bench): Promise<number> =>
  (await store.db.selectFrom('event').select('id').execute()).length

/** Notes each, and waits until all is written. */
async function note({ background }: Bench, notes: EventNotes, events: readonly Note[]): Promise<void> {
  for (const event of events) notes.note(event)
  await background[Symbol.asyncDispose]()
}

suite('events that are part of no change', () => {
  test('so many of a kind are recorded in a minute; the rest is told all the same, and other kinds are not hidden', () =>
    withBench(async (bench) => {
      const notes = new EventNotes({ ...bench, readOnly: false })
      const flood = Array.from({ length: EVENT_NOTES_PER_MINUTE + 5 }, () => FAILURES)
      await note(bench, notes, [...flood, UP])
      assert.equal(await rows(bench), EVENT_NOTES_PER_MINUTE + 1)
      assert.equal(bench.told.length, EVENT_NOTES_PER_MINUTE + 6)
      assert.equal(bench.told.filter((id) => id === undefined).length, 5)
      for (const later of [MINUTE, -365 * 24 * 60 * MINUTE]) {
        const before = await rows(bench)
        bench.at += later
        await note(bench, notes, flood)
        assert.equal(await rows(bench), before + EVENT_NOTES_PER_MINUTE, `after ${later} ms`)
      }
    }))

  test('a database that does not take one loses it for nobody who is told', () =>
    withBench(async (bench) => {
      const notes = new EventNotes({ ...bench, readOnly: false })
      await bench.store[Symbol.asyncDispose]()
      await note(bench, notes, [FAILURES, UP])
      assert.deepEqual(bench.told, [undefined, undefined])
    }))

  test('a read-only server writes none', () =>
    withBench(async (bench) => {
      await note(bench, new EventNotes({ ...bench, readOnly: true }), [UP])
      assert.deepEqual([bench.told, await rows(bench)], [[undefined], 0])
    }))
})
