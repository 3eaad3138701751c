import { isIPv4 } from 'node:net'
import { GuardError } from './error.ts'

/**
 * The base URL of an index, however people write it: with or without a slash at the end, or as pip has it, with `/simple/`. Never
 * with credentials: these would end up in files and messages.
 * @throws GuardError `not-trusted`
 */
export function indexUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new GuardError(
      'not-trusted',
      `${text.slice(0, 200)} is no URL of an index; they begin with https:// or http://.`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new GuardError('not-trusted', 'Credentials do not belong into the URL: give the token with --token-file.')
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/simple$/, '')
  return `${url.origin}${path}`
}

/** Whether nobody between here and there can read along: TLS, or this machine itself. */
export function isPrivateWay(url: string): boolean {
  return new URL(url).protocol === 'https:' || isThisMachine(url)
}

/** Whether a URL is of this machine itself. */
export function isThisMachine(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}
