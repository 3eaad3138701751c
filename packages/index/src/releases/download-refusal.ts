import { standingDenialOfName } from '../names/denials.ts'
import type { ProjectState } from '../publish/current-projects.ts'
import type { FileRow } from '../store/schema.ts'
import { denialSentence } from './judge-files.ts'
import type { Withheld } from './judge-files.ts'
import { unaskedReason } from './unasked.ts'
import type { Unasked } from './unasked.ts'
import { withWayOut } from './way-out.ts'

export type DownloadRefusalCode =
  | 'file-blocked'
  | 'file-cooldown'
  | 'file-deleted'
  | 'file-merge-conflict'
  | 'file-merge-refused'
  | 'file-not-found'
  | 'file-not-kept'
  | 'file-quarantined'
  | 'file-unapproved'
  | 'file-withdrawn'
  | 'name-reserved'
  | 'name-unclaimed'
  | 'upstream-file-changed'
  | 'upstream-unavailable'

/** Why a file is not given out; a value, since it is an answer like any other. */
export interface DownloadRefusal {
  readonly kind: 'refused'
  readonly code: DownloadRefusalCode
  readonly message: string
  readonly retryAfterMs?: number
}

/** Builds a refusal; `message` is what pip shows of it. */
export function refused(code: DownloadRefusalCode, message: string, retryAfterMs?: number): DownloadRefusal {
  return { kind: 'refused', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** For a name of which nothing is given out at `now`, in milliseconds since 1970. */
export function quarantined({ name, statusReason, offering }: ProjectState, now: number): DownloadRefusal {
  const denial = standingDenialOfName(offering.denials, now)
  if (denial !== undefined) {
    const code = denial.overlay === 'blocked' ? 'file-blocked' : 'file-quarantined'
    return refused(code, withWayOut(denialSentence(denial), name))
  }
  const sentence = `${name} is quarantined${statusReason === null ? '' : `: ${statusReason}`}`
  return refused('file-quarantined', withWayOut(sentence, name))
}

/** For a file that is known and withheld; `newest` is what is given out of the name. */
export function withheldFile(
  row: FileRow,
  { code, reason }: Withheld,
  state: ProjectState,
  now: number,
  newest: string | undefined,
): DownloadRefusal {
  switch (code) {
    case 'file-deleted':
      return refused(code, `${row.filename} was deleted from this index.`)
    case 'file-withdrawn':
      return refused(code, `${row.source} does not offer ${row.filename} any more, and no copy was kept here.`)
    case 'project-quarantined':
      return quarantined(state, now)
    case 'file-unhashed':
    case 'name-reserved':
    case 'name-upstream':
      return refused('file-not-found', `${state.name} has no file ${row.filename} with this sha256.`)
    default:
      return refused(code, withWayOut(`${row.filename} is not given out. ${reason}`, state.name, row.version, newest))
  }
}

export function unavailable(
  upstream: string,
  failure: { readonly reason: string; readonly retryAfterMs?: number; readonly unasked?: Unasked },
): DownloadRefusal {
  if (failure.unasked !== undefined) return refused('file-not-kept', failure.reason)
  return refused(
    'upstream-unavailable',
    `The upstream ${upstream} does not answer. ${failure.reason}`,
    failure.retryAfterMs,
  )
}

/** For what an upstream lists and nobody fetched while it was asked. 403, since pip hides the reason of a 503. */
export function notKept(what: string, unasked: Unasked): DownloadRefusal {
  return refused('file-not-kept', `${what} was never fetched from its upstream. ${unaskedReason(unasked)}`)
}
