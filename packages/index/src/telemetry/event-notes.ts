import type { Transaction } from 'kysely'
import type { BackgroundWork } from '../background-work.ts'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { EVENT_NOTES_PER_MINUTE } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { eventOf, recordAction, recordEvent } from './events.ts'
import type { EventKind, EventSink, IndexAction, IndexEvent } from './events.ts'
import { PerMinute } from './per-minute.ts'

type WithoutTime<Event> = Event extends IndexEvent | IndexAction ? Omit<Event, 'at'> : never

/** An event, or an action, that is about to be noted: its time is now. */
export type Note = WithoutTime<IndexEvent> | WithoutTime<IndexAction>

export interface EventNotesParts {
  readonly store: Store
  readonly clock: Clock
  readonly background: BackgroundWork
  /** Told of what is not recorded; of the rest the store tells. */
  readonly tell: EventSink
  /** True: nothing is written, events are logged and counted only. */
  readonly readOnly: boolean
}

/**
 * Events that are not part of a change: an upstream is down, a certificate was read again. Each is written in a
 * transaction of its own, beside whatever caused it; when the database does not take it, log and metrics have it.
 * Strangers can cause some of them: beyond `EVENT_NOTES_PER_MINUTE` of a kind they fill no table.
 */
export class EventNotes {
  readonly #parts: EventNotesParts
  readonly #turns = new PerMinute<EventKind>(EVENT_NOTES_PER_MINUTE)

  constructor(parts: EventNotesParts) {
    this.#parts = parts
  }

  note(note: Note): void {
    const { store, clock, background, tell, readOnly } = this.#parts
    const noted = { ...note, at: isoTime(clock) } as IndexEvent | IndexAction
    const event = 'by' in noted ? eventOf(noted) : noted
    if (readOnly || !this.#turns.take(note.kind, clock.now())) return tell(event)
    const record = (tx: Transaction<Database>): Promise<void> =>
      'by' in noted ? recordAction(tx, noted) : recordEvent(tx, event)
    void background.add(store.transaction(record).catch(() => tell(event)))
  }
}
