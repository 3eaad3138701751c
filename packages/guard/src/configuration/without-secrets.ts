import { REDACTED, redactUrl } from './redact.ts'

/**
 * What a client's file or variable says, as a message may show it. Every URL in it is without user and password, either
 * of which may be a token; a text that may hold another secret is not shown at all.
 */
export function withoutSecrets(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const shown = words.map(withoutSecret)
  return shown.includes(undefined) ? REDACTED : shown.join(' ')
}

/** Undefined for what is no URL and looks like a part of one: a password may hold a space. */
function withoutSecret(word: string): string | undefined {
  const url = URL.parse(word)
  if (url === null || !word.includes('://')) return word.includes('@') || word.includes('://') ? undefined : word
  if (url.username === '' && url.password === '' && url.search === '') return word
  url.username = ''
  url.password = ''
  return redactUrl(url.href)
}
