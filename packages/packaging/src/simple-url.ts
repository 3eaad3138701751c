import { MAX_URL_LENGTH } from './limits.ts'

/** A file's link, taken apart. */
export interface SimpleUrl {
  /** Absolute, without user, password and fragment. */
  readonly href: string
  /** The last segment of the path, decoded exactly once (attacks.md FN-PATH). */
  readonly filename: string
  /** Without the `#`. */
  readonly fragment: string
}

/**
 * Resolves a link of a page. `undefined` for what is no URL, is not http or https (attacks.md API-JSURL: pip installs from a
 * `file:` link of an http page), or does not end in a name. Credentials are left out: they belong to the request, not to a page.
 */
export function resolveSimpleUrl(link: string, baseUrl: string): SimpleUrl | undefined {
  if (link.length > MAX_URL_LENGTH) return undefined
  const url = URL.parse(link, baseUrl)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  const fragment = url.hash.slice(1)
  // To set one puts the whole URL together again.
  if (url.href.includes('#')) url.hash = ''
  if (url.username !== '') url.username = ''
  if (url.password !== '') url.password = ''
  const filename = decodeOnce(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
  return filename === undefined || filename === '' ? undefined : { href: url.href, filename, fragment }
}

function decodeOnce(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
