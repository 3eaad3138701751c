import type { ProjectState } from '../publish/current-projects.ts'

export type DownloadRefusalCode =
  | 'file-deleted'
  | 'file-not-found'
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
  failure: { readonly reason: string; readonly retryAfterMs?: number },
): DownloadRefusal {
  return refused(
    'upstream-unavailable',
    `The upstream ${upstream} does not answer. ${failure.reason}`,
    failure.retryAfterMs,
  )
}
