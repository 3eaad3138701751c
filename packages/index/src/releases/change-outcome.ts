import { MAX_REASON_LENGTH } from '../limits.ts'
import { isOneLine } from '../names/read-document.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** What became of a change; `seq` is the journal row that the publisher has to carry before it is acknowledged. */
export type ChangeOutcome =
  | {
      readonly kind: 'done'
      readonly seq: number
      /** Numbers of the denials that it made. */
      readonly denials?: readonly number[]
    }
  | { readonly kind: 'unchanged' }
  /** It would open a sealed name: it holds once the name's holders have signed it. `message` says so. */
  | { readonly kind: 'waits'; readonly changed: boolean; readonly message: string }
  | Refusal

/** What scripts are told of a change. */
export interface ChangedDocument {
  readonly changed: boolean
  readonly denials?: readonly number[]
  readonly waits?: string
}

/** The same for the API and for `--json`. */
export function changedDocument(
  outcome:
    | { readonly kind: 'done'; readonly denials?: readonly number[] }
    | Extract<ChangeOutcome, { kind: 'unchanged' | 'waits' }>,
): ChangedDocument {
  switch (outcome.kind) {
    case 'done':
      return { changed: true, ...(outcome.denials === undefined ? {} : { denials: outcome.denials }) }
    case 'unchanged':
      return { changed: false }
    case 'waits':
      return { changed: outcome.changed, waits: outcome.message }
  }
}

/** Reasons are shown on terminals, in pages and in what is signed: one line, bounded, no control characters. */
export function cleanReason(reason: string | undefined): string | null | Refusal {
  const text = reason?.trim() ?? ''
  if (text.length > MAX_REASON_LENGTH)
    return refuse('bad-request', `A reason may have ${MAX_REASON_LENGTH} characters at most.`)
  if (!isOneLine(text)) return refuse('bad-request', 'A reason is one line of text without control characters.')
  return text === '' ? null : text
}

/** As {@link cleanReason}, where there has to be one. */
export function neededReason(reason: string): string | Refusal {
  return cleanReason(reason) ?? refuse('bad-request', 'It needs a reason: people are shown it.')
}
