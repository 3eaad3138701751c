import { isIP } from 'node:net'
import { UPSTREAM_MAX_URL_LENGTH } from '../limits.ts'
import { isPublicAddress } from './address-rules.ts'
import type { UpstreamConfig } from './config.ts'

/** Whether a URL may be fetched on behalf of an upstream; when it may not, one sentence says why. */
export type FetchPermission =
  | { readonly allowed: true; readonly url: URL; readonly configured: boolean }
  | { readonly allowed: false; readonly reason: string }

/** The origins that the administrator named: they alone may be private or plain http (attacks.md API-SSRF). */
export function configuredOrigins(config: Pick<UpstreamConfig, 'url' | 'alsoAllow'>): ReadonlySet<string> {
  return new Set([new URL(config.url).origin, ...config.alsoAllow])
}

/**
 * May `text`, a link or redirect of an upstream resolved against `base`, be fetched (attacks.md API-JSURL, API-SSRF)?
 * A configured origin may; any other must be https, without credentials, and, where its host is an address, public.
 * What a host name resolves to is judged at connecting time (`connect.ts`).
 */
export function mayFetch(configured: ReadonlySet<string>, text: string, base?: string): FetchPermission {
  if (text.length > UPSTREAM_MAX_URL_LENGTH) return refuse('its URL is too long')
  const url = URL.parse(text, base)
  if (url === null) return refuse('its URL cannot be read')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse(`its scheme is ${url.protocol.slice(0, 32)}`)
  if (url.username !== '' || url.password !== '') return refuse('its URL holds credentials')
  // A fragment is never sent, and would make two URLs of one resource differ.
  url.hash = ''
  if (configured.has(url.origin)) return { allowed: true, url, configured: true }
  if (url.protocol !== 'https:') return refuse(`${url.origin} is neither https nor configured`)
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  if (isIP(host) !== 0 && !isPublicAddress(host)) return refuse(`${url.origin} is not a public address`)
  return { allowed: true, url, configured: false }
}

function refuse(reason: string): FetchPermission {
  return { allowed: false, reason }
}
