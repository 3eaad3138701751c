import type { Logger } from 'pino'
import type { EventKind, IndexEvent } from './events.ts'

/** Events that somebody should look at; all others are `info`. */
const WARNINGS: ReadonlySet<EventKind> = new Set([
  'doctor-found',
  'login-failures',
  'upstream-down',
  'upstream-metadata-mutated',
  'upstream-mutated',
])

/** Writes the log line of an event: its kind is the message, so that a search for one finds both. */
export function logEvent(log: Logger, event: IndexEvent & { readonly id?: number }): void {
  const { kind, id, at: _at, project, actor, detail } = event
  const level = WARNINGS.has(kind) ? 'warn' : 'info'
  log[level]({ event: kind, ...(id === undefined ? {} : { eventId: id }), project, actor, detail }, kind)
}
