import type { Logger } from 'pino'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { EVENT_NOTES_PER_MINUTE } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { logEvent } from './event-log.ts'
import { recordEvent } from './events.ts'
import type { IndexEvent } from './events.ts'

type WithoutTime<Event> = Event extends IndexEvent ? Omit<Event, 'at'> : never

/** An event that is about to be noted: its time is now. */
export type Note = WithoutTime<IndexEvent>

export interface EventNotesParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** True: nothing is written, events are logged only. */
  readonly readOnly: boolean
}

/**
 * Events that are not part of a change: an upstream is down, a certificate was read again. Each is written in a
 * transaction of its own, beside whatever caused it; when the database does not take it, the log has it. Strangers can
 * cause some of them: beyond `EVENT_NOTES_PER_MINUTE` they are logged only, and fill no table.
 */
export class EventNotes implements AsyncDisposable {
  readonly #parts: EventNotesParts
  readonly #writing = new Set<Promise<void>>()
  #windowEnds = 0
  #left = 0

  constructor(parts: EventNotesParts) {
    this.#parts = parts
  }

  note(note: Note): void {
    const { store, clock, log, readOnly } = this.#parts
    const event = { ...note, at: isoTime(clock) } as IndexEvent
    if (readOnly || !this.#takeTurn()) return logEvent(log, event)
    const writing = store
      .transaction((tx) => recordEvent(tx, event))
      .catch(() => logEvent(log, event))
      .finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  #takeTurn(): boolean {
    const now = this.#parts.clock.now()
    if (now >= this.#windowEnds || this.#windowEnds - now > 60_000) {
      this.#windowEnds = now + 60_000
      this.#left = EVENT_NOTES_PER_MINUTE
    }
    this.#left -= 1
    return this.#left >= 0
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writing)
  }
}
