import type { Logger } from 'pino'
import type { EventKind, IndexEvent } from './events.ts'

/** Every kind with the level of its line: `warn` for what somebody should look at. */
const EVENT_LEVELS: Readonly<Record<EventKind, 'info' | 'warn'>> = {
  'upload-accepted': 'info',
  'files-yanked': 'info',
  'files-unyanked': 'info',
  'files-deleted': 'info',
  'authority-decided': 'info',
  'member-added': 'info',
  'member-removed': 'info',
  'transfer-asked': 'info',
  'transfer-answered': 'info',
  'team-created': 'info',
  'team-deleted': 'info',
  'team-joined': 'info',
  'team-left': 'info',
  'name-look-alike': 'warn',
  'status-changed': 'info',
  denied: 'warn',
  lifted: 'warn',
  'files-approved': 'info',
  'files-unapproved': 'info',
  'request-asked': 'info',
  'request-answered': 'info',
  'opening-asked': 'warn',
  'merge-conflict': 'warn',
  'upstream-mutated': 'warn',
  'upstream-metadata-mutated': 'warn',
  'upstream-withdrawn': 'info',
  'upstream-returned': 'info',
  'upstream-down': 'warn',
  'upstream-up': 'info',
  'upstream-collision': 'warn',
  'upstream-collision-gone': 'info',
  'upstream-under-namespace': 'warn',
  'upstream-under-namespace-gone': 'info',
  'upstream-look-alike': 'warn',
  'upstream-look-alike-gone': 'info',
  'upstream-list-failing': 'warn',
  'upstream-list-recovered': 'info',
  'webhook-failing': 'warn',
  'webhook-recovered': 'info',
  'token-created': 'info',
  'token-revoked': 'info',
  'user-created': 'info',
  'user-disabled': 'info',
  'user-enabled': 'info',
  'password-changed': 'info',
  'login-failures': 'warn',
  'certificate-reloaded': 'info',
  'backup-made': 'info',
  restored: 'info',
  'ceremony-published': 'warn',
  sealed: 'warn',
  unsealed: 'warn',
  'garbage-swept': 'info',
  'retention-applied': 'info',
  'doctor-found': 'warn',
  'doctor-repaired': 'info',
  'configuration-changed': 'warn',
  'server-started': 'info',
  'server-stopped': 'info',
  'schema-migrated': 'info',
}

/** Every kind of event there is. */
export const EVENT_KINDS = Object.keys(EVENT_LEVELS) as readonly EventKind[]

/** Writes the log line of an event: its kind is the message, so that a search for one finds both. */
export function logEvent(log: Logger, event: IndexEvent & { readonly id?: number }): void {
  const { kind, id, at: _at, project, actor, detail } = event
  log[EVENT_LEVELS[kind]]({ event: kind, ...(id === undefined ? {} : { eventId: id }), project, actor, detail }, kind)
}
