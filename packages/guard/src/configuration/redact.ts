/** What stands where a secret would. */
export const REDACTED = '***'

const SECRET_PARAMETER = /pass|secret|token|key/i

/** A URL without its passwords: it works where they are given in another way. */
export function withoutPasswords(text: string): string {
  const url = new URL(text)
  url.password = ''
  for (const name of new Set(url.searchParams.keys())) if (/pass/i.test(name)) url.searchParams.delete(name)
  return url.href
}

/** A URL as it may be shown: without passwords, also those among its parameters, and without a user name that stands alone (a token). */
export function redactUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null) return REDACTED
  if (url.password !== '') url.password = REDACTED
  else if (url.username !== '' && url.protocol.startsWith('http')) url.username = REDACTED
  for (const name of new Set(url.searchParams.keys())) {
    if (SECRET_PARAMETER.test(name)) url.searchParams.set(name, REDACTED)
  }
  return url.href
}
