const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

/** Reads a time as TUF writes it (`2026-11-26T12:00:00Z`, specification 4.2); `undefined` for anything else. */
export function readTime(text: string): number | undefined {
  if (!ISO.test(text)) return undefined
  const time = Date.parse(text)
  // Not every such text is a day of the calendar.
  return Number.isFinite(time) && writeTime(time) === text ? time : undefined
}

/** Writes a time, in milliseconds since 1970, as TUF does: whole seconds, rounded down. */
export function writeTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
