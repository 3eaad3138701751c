/** Time as an input (design.md section 3, point 1): domain code never reads the system clock itself. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** ISO 8601 in UTC with milliseconds, the form every stored time has. */
export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}
