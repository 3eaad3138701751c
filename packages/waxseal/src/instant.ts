import { z } from 'zod'

/** A day of the calendar, or a time on one: `Date.parse` takes a 31st of February for a day in March. */
const TIME = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: true })])

/** Milliseconds since the epoch of what an option tells as ISO 8601; undefined: it is no time. */
export function instant(text: string): number | undefined {
  const time = Date.parse(text)
  return TIME.safeParse(text).success && !Number.isNaN(time) ? time : undefined
}
