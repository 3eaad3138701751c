import type { ProjectState } from '../publish/current-projects.ts'
import { unaskedReason } from './unasked.ts'
import type { Unasked } from './unasked.ts'

export type DownloadRefusalCode =
  | 'file-deleted'
  | 'file-not-found'
  | 'file-not-kept'
  | 'file-quarantined'
  | 'file-withdrawn'
  | 'name-reserved'
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

export function quarantined({ name, statusReason }: ProjectState): DownloadRefusal {
  return refused('file-quarantined', `${name} is quarantined${statusReason === null ? '' : `: ${statusReason}`}`)
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
