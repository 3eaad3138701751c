import type { IncomingMessage } from 'node:http'

/** What RFC 3986 lets stand in a host with its port; anything else in a Host header is not repeated. */
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/**
 * Where this index is reached, without a final slash: the configured public URL, else what the request says. Only for
 * documents that must hold absolute addresses and are never shared by a cache (attacks.md CACHE-POIS): pages do not.
 */
export function requestOrigin(req: IncomingMessage, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/$/, '')
  const host = req.headers.host ?? ''
  const scheme = 'encrypted' in req.socket ? 'https' : 'http'
  return `${scheme}://${HOST.test(host) ? host : 'localhost'}`
}
