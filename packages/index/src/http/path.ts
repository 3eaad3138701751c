import { PATH_SEGMENT_MAX, PATH_SEGMENTS_MAX, REQUEST_TARGET_MAX } from '../limits.ts'
import type { RefusalCode } from './refusal-catalogue.ts'

/** A request target, taken apart: segments are percent-decoded once and never empty, `.` or `..`. */
export interface RequestPath {
  readonly kind: 'path'
  readonly segments: readonly string[]
  readonly trailingSlash: boolean
  /** The query as sent, without its question mark. */
  readonly query: string
}

/** A target that no route may see. */
export interface PathRefusal {
  readonly kind: 'refused'
  readonly code: Extract<RefusalCode, 'bad-request' | 'uri-too-long'>
  readonly detail: string
}

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i
/** C0, DEL, C1, slash and backslash: none of them can be part of a name, and file systems and proxies differ on them. */
const FORBIDDEN_IN_SEGMENT = /[\u0000-\u001F\u007F-\u009F/\\]/

/**
 * Takes the target of a request line apart (RFC 9112 3.2: origin form, and absolute form whose authority is ignored:
 * attacks.md SMUG, CACHE-POIS). Runs of slashes count as one, for clients that join addresses by hand (behaviour.md
 * 0.20). Decoding happens once per segment, after splitting, so that nothing encoded can become a separator or a dot
 * segment later (attacks.md FN-PATH).
 */
export function parseTarget(target: string): RequestPath | PathRefusal {
  if (target.length > REQUEST_TARGET_MAX) {
    return refused('uri-too-long', `The address is longer than ${REQUEST_TARGET_MAX} characters.`)
  }
  const origin = target.startsWith('/') ? target : target.replace(ABSOLUTE_FORM, '')
  const queryAt = origin.indexOf('?')
  const path = queryAt === -1 ? origin : origin.slice(0, queryAt)
  // An absolute form may have an empty path, which means the root (RFC 9110 4.2.3).
  if (!path.startsWith('/') && !(path === '' && target !== origin)) {
    return refused('bad-request', 'The address is not a path.')
  }
  if (path.includes('#')) return refused('bad-request', 'The address holds a fragment.')
  const segments: string[] = []
  for (const raw of path.split('/')) {
    if (raw === '') continue
    const segment = decodeSegment(raw)
    if (segment === undefined) return refused('bad-request', 'The address holds a malformed percent-encoding.')
    if (segment === '.' || segment === '..') return refused('bad-request', 'The address holds a dot segment.')
    if (FORBIDDEN_IN_SEGMENT.test(segment)) {
      return refused('bad-request', 'The address holds a control character, or an encoded slash or backslash.')
    }
    if (segment.length > PATH_SEGMENT_MAX || segments.length === PATH_SEGMENTS_MAX) {
      return refused('uri-too-long', 'The address has too many or too long segments.')
    }
    segments.push(segment)
  }
  const query = queryAt === -1 ? '' : origin.slice(queryAt + 1)
  return { kind: 'path', segments, trailingSlash: path.endsWith('/') || segments.length === 0, query }
}

/**
 * The relative reference from the address of a request to the root of this server (`../../`, or `./` at the root), so
 * that links need neither the Host header nor the prefix under which a proxy publishes us (attacks.md CACHE-POIS).
 */
export function relativeRoot(target: string): string {
  const queryAt = target.indexOf('?')
  const end = queryAt === -1 ? target.length : queryAt
  const start = target.startsWith('/') ? 0 : (ABSOLUTE_FORM.exec(target)?.[0].length ?? 0)
  // Empty segments count: a relative reference is resolved against the address as sent (RFC 3986 5.2.3).
  let depth = -1
  for (let at = target.indexOf('/', start); at !== -1 && at < end; at = target.indexOf('/', at + 1)) depth += 1
  if (depth > PATH_SEGMENTS_MAX) return '/'
  return depth <= 0 ? './' : '../'.repeat(depth)
}

function decodeSegment(raw: string): string | undefined {
  if (!raw.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}

function refused(code: PathRefusal['code'], detail: string): PathRefusal {
  return { kind: 'refused', code, detail }
}
