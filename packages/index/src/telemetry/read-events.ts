import { setTimeout as delay } from 'node:timers/promises'
import { EVENT_POLL_MS, MAX_EVENTS } from '../limits.ts'
import type { Selectable } from 'kysely'
import type { EventTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { EventKind } from './events.ts'

/** An event as it is told to administrators and programs. */
export interface ToldEvent {
  /** Grows with each commit: whoever has seen one has seen all before it. */
  readonly id: number
  readonly kind: EventKind
  readonly at: string
  readonly actor: string | null
  readonly project: string | null
  readonly detail: unknown
}

/** Which events are wanted; absent: all. */
export interface EventFilter {
  readonly kinds?: readonly EventKind[] | undefined
  /** In normal form. */
  readonly project?: string | undefined
}

/** The events after the id `after`, the oldest first. */
export async function readEvents(
  store: Store,
  after: number,
  limit: number,
  filter: EventFilter = {},
): Promise<readonly ToldEvent[]> {
  const rows = await wanted(store, filter).where('id', '>', after).orderBy('id').limit(limit).execute()
  return rows.map(told)
}

/** The newest events, the oldest of them first. */
export async function readNewestEvents(
  store: Store,
  limit: number,
  filter: EventFilter = {},
): Promise<readonly ToldEvent[]> {
  const rows = await wanted(store, filter).orderBy('id', 'desc').limit(limit).execute()
  return rows.toReversed().map(told)
}

function wanted({ db }: Store, { kinds, project }: EventFilter) {
  let events = db.selectFrom('event').select(COLUMNS)
  if (kinds !== undefined) events = events.where('kind', 'in', kinds)
  if (project !== undefined) events = events.where('project', '=', project)
  return events
}

/** The events after the id `after` as they come, until `ended`; looked for every `EVENT_POLL_MS`. */
export async function* followEvents(
  store: Store,
  after: number,
  ended: AbortSignal,
  filter: EventFilter = {},
): AsyncGenerator<readonly ToldEvent[]> {
  let last = after
  while (!ended.aborted) {
    const events = await readEvents(store, last, MAX_EVENTS, filter)
    last = events.at(-1)?.id ?? last
    if (events.length > 0) yield events
    if (events.length < MAX_EVENTS) await delay(EVENT_POLL_MS, undefined, { signal: ended }).catch(() => undefined)
  }
}

const COLUMNS = ['id', 'kind', 'at', 'actor', 'project', 'detail'] as const

function told({ detail, kind, ...row }: Pick<Selectable<EventTable>, (typeof COLUMNS)[number]>): ToldEvent {
  return { ...row, kind: kind as EventKind, detail: JSON.parse(detail) as unknown }
}

/** The id of the newest event; 0 before the first. */
export async function newestEvent(store: Store): Promise<number> {
  const { id } = await store.db
    .selectFrom('event')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirstOrThrow()
  return id ?? 0
}
