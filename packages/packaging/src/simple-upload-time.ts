const PATTERN = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00)$/
const WRITTEN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{6})?Z$/

/**
 * An upload time in the one spelling that we write, or `undefined` for what is not a moment in UTC. Digits beyond microseconds,
 * which PEP 700 does not allow, are cut off; a fraction of zero is left out, as Warehouse does it (behaviour.md 2.1).
 */
export function normalizeUploadTime(text: string): string | undefined {
  const [, seconds, digits = ''] = PATTERN.exec(text) ?? []
  if (seconds === undefined || !isMoment(seconds)) return undefined
  const fraction = digits.slice(0, 6).padEnd(6, '0')
  return fraction === '000000' ? `${seconds}Z` : `${seconds}.${fraction}Z`
}

/** Whether a text is an upload time exactly as we write it. */
export function isUploadTime(text: string): boolean {
  return WRITTEN.test(text) && isMoment(text.slice(0, 19))
}

/** February 30 and hour 24 fit the pattern and make pip 26.3 fail for the whole page (attacks.md FN-POISON). */
function isMoment(seconds: string): boolean {
  const time = Date.parse(`${seconds}Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(seconds) && !seconds.startsWith('0000')
}
