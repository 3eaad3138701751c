const SECONDS = /^[0-9]{1,10}$/

/** A Retry-After header, seconds or an HTTP date (RFC 9110 10.2.3), as milliseconds from `now`; undefined if unreadable. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined || value.length > 64) return undefined
  if (SECONDS.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
