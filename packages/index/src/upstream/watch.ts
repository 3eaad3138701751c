/** What became of one question to an upstream. */
export type UpstreamOutcome =
  | 'ok'
  | 'not-modified'
  | 'absent'
  /** Any other status. */
  | 'refused'
  /** No answer, or none that could be used. */
  | 'failed'
  /** Not asked: its circuit is open. */
  | 'left-alone'

/** Told how an upstream does: for metrics and events, nothing is decided by it. */
export interface UpstreamWatch {
  /** From the question to the headers of the last answer, redirects included. */
  asked(outcome: UpstreamOutcome, ms: number, reason?: string): void
  /** A circuit opens, or is closed again after so long. */
  down(origin: string): void
  up(origin: string, downMs: number): void
}

/** Nobody is told. */
export const UNWATCHED: UpstreamWatch = { asked: () => {}, down: () => {}, up: () => {} }
