/** Closed union of what the guard refuses or fails at; docs/guard.md has a row for each. */
export type GuardErrorCode =
  | 'cache-unusable'
  | 'client-unknown'
  | 'command-not-found'
  | 'config-unreadable'
  | 'configuration-refused'
  | 'credentials-unusable'
  | 'denied'
  | 'file-changed'
  | 'file-cooldown'
  | 'file-unapproved'
  | 'file-unavailable'
  | 'file-unverified'
  | 'index-unreachable'
  | 'lock-unreadable'
  | 'name-refused'
  | 'not-offered'
  | 'not-trusted'
  | 'option-refused'
  | 'outside-refused'
  | 'page-unverified'
  | 'port-taken'
  | 'requirement-refused'
  | 'root-differs'
  | 'sidecar-differs'
  | 'source-archive'
  | 'trust-exists'
  | 'trust-unusable'

/** The one error of this package. `message` says what happened and what to do next, for people; `data` what is behind it. */
export class GuardError extends Error {
  override readonly name = 'GuardError'
  readonly code: GuardErrorCode
  readonly data: Readonly<Record<string, unknown>>

  constructor(
    code: GuardErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly data?: Readonly<Record<string, unknown>> },
  ) {
    super(message, options)
    this.code = code
    this.data = options?.data ?? {}
  }
}
