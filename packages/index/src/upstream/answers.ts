import type { DroppedEntry, SimpleProjectPage } from '@waxseal/packaging'

/** Why an upstream gave nothing usable, in one sentence; how long it asked to be left alone, in milliseconds. */
export interface UpstreamFailure {
  readonly kind: 'failed'
  readonly reason: string
  readonly retryAfterMs?: number
  /** The code of what the network threw, where it was that. */
  readonly code?: string
}

/** What an upstream says about one project. Only `absent` means that it does not have it. */
export type PageAnswer =
  | {
      readonly kind: 'found'
      readonly page: SimpleProjectPage
      /** Entries left out because they were malformed or may not be fetched; bounded, for the log. */
      readonly dropped: readonly DroppedEntry[]
      readonly etag?: string
      readonly lastModified?: string
    }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'absent' }
  | UpstreamFailure

/** What became of a project list, whose names were handed on as they came: only after `found` were they all. */
export type ListAnswer =
  | { readonly kind: 'found'; readonly etag?: string; readonly lastModified?: string }
  | { readonly kind: 'not-modified' }
  | UpstreamFailure

/** What an earlier `found` answer carried, for a conditional request. */
export interface PageValidators {
  readonly etag?: string
  readonly lastModified?: string
}

/** A file that is being sent. `body` can be read once and throws IndexError `upstream-failed`. */
export interface OpenFile {
  readonly kind: 'open'
  /** The declared length, when there is one. */
  readonly size?: number
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the connection, whatever was read. */
  close(): void
}

export type FileAnswer = OpenFile | { readonly kind: 'absent' } | UpstreamFailure

/** A small document, whole. */
export type SmallAnswer =
  | { readonly kind: 'found'; readonly bytes: Uint8Array; readonly contentType?: string }
  | { readonly kind: 'absent' }
  | UpstreamFailure
