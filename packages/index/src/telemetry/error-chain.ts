import { ERROR_CHAIN_MAX } from '../limits.ts'

/** An error as a log line holds it. */
export interface LoggedError {
  readonly type: string
  readonly message: string
  readonly code?: string
  /** Of the outermost one only, and only where it is no error of ours: those say what happened. */
  readonly stack?: string
  readonly cause?: LoggedError
}

/** What went wrong, and why, and why that: for the log, never for a client. */
export function errorChain(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const expected = error.name === 'IndexError' || error.name === 'PackagingError'
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(depth === 0 && !expected && error.stack !== undefined ? { stack: error.stack } : {}),
    ...(error.cause === undefined || depth >= ERROR_CHAIN_MAX ? {} : { cause: errorChain(error.cause, depth + 1) }),
  }
}
