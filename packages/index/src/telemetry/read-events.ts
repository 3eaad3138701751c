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

/** The events after the id `after`, the oldest first. */
export async function readEvents(store: Store, after: number, limit: number): Promise<readonly ToldEvent[]> {
  const rows = await store.db
    .selectFrom('event')
    .select(['id', 'kind', 'at', 'actor', 'project', 'detail'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ detail, kind, ...row }) => ({
    ...row,
    kind: kind as EventKind,
    detail: JSON.parse(detail) as unknown,
  }))
}

/** The id of the newest event; 0 before the first. */
export async function newestEvent(store: Store): Promise<number> {
  const { id } = await store.db
    .selectFrom('event')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirstOrThrow()
  return id ?? 0
}
