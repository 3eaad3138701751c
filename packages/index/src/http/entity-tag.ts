import { ETAG_HEADER_MAX } from '../limits.ts'

/**
 * Whether an If-None-Match header names `etag` (a strong tag with its quotes), compared weakly, so that a proxy which
 * weakened our tag still gets its 304 (RFC 9110 13.1.2). An overlong or malformed header matches nothing. Linear.
 */
export function ifNoneMatchHolds(header: string, etag: string): boolean {
  if (header === etag) return true
  if (header.length > ETAG_HEADER_MAX) return false
  if (header.trim() === '*') return true
  let at = 0
  for (;;) {
    const open = header.indexOf('"', at)
    const close = open === -1 ? -1 : header.indexOf('"', open + 1)
    if (close === -1) return false
    if (close + 1 - open === etag.length && header.startsWith(etag, open)) return true
    at = close + 1
  }
}

/**
 * Whether an If-Range header lets a range of the representation tagged `etag` be sent: only the same strong tag does
 * (RFC 9110 13.1.5). A date never does: we send no Last-Modified.
 */
export function ifRangeHolds(header: string | undefined, etag: string): boolean {
  return header === undefined || header.trim() === etag
}
