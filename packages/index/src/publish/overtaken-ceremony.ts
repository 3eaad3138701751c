import { rowOf } from '@waxseal/trust'
import type { CeremonyRequest, RepositoryState } from '@waxseal/trust'
import { IndexError } from '../error.ts'

/** Whether another ceremony came out since: with another root, or with a version that this one signs. */
export function isOvertaken(state: RepositoryState | undefined, request: CeremonyRequest): boolean {
  if (!isSameRoot(state, request)) return true
  return request.documents.some(
    ({ role, signed }) =>
      state !== undefined &&
      rowOf(state.layout, role)?.online !== true &&
      (state.entries.get(role)?.version ?? 0) >= signed.version,
  )
}

/** Whether a request starts from what holds now: nothing, where an index is not signed. */
export function isSameRoot(state: RepositoryState | undefined, { root }: CeremonyRequest): boolean {
  if (state === undefined || root === undefined) return state === undefined && root === undefined
  return Buffer.compare(state.root.bytes, root.bytes) === 0
}

export function overtaken(cause?: unknown): IndexError {
  const message =
    'What this ceremony starts from holds no more: another one, or a publish, came first. Give it up (waxseal ceremony abandon) and begin again.'
  return new IndexError('conflict', message, cause === undefined ? undefined : { cause })
}
