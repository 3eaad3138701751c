import { TrustError } from './error.ts'
import { MAX_PATH_SEGMENTS, MAX_TARGET_PATH } from './limits.ts'

/**
 * Whether `pattern` covers `path`. Patterns are literal segments and whole-segment `*` (design.md section 7); `*` and `?` inside
 * a segment are understood too, since other repositories write them (specification 4.5: never across a slash). All else in a
 * pattern is itself: no sets, no braces, no negation (attacks.md DEL-2).
 */
export function matchesPattern(pattern: string, path: string): boolean {
  // Literal up to the first star, where a look-up is over for all shards but one.
  let literal = 0
  for (; literal < pattern.length; literal += 1) {
    const wanted = pattern.charCodeAt(literal)
    if (wanted === STAR || wanted === QUESTION_MARK) break
    if (wanted !== path.charCodeAt(literal)) return false
  }
  if (literal === pattern.length) return path.length === literal
  const wanted = pattern.split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((segment, at) => matchesSegment(segment, given[at] ?? ''))
}

const STAR = 0x2a
const QUESTION_MARK = 0x3f

/** Whether `pattern` may cover other paths than itself. */
export function isPattern(pattern: string): boolean {
  return /[*?]/.test(pattern)
}

/** Linear but for the number of stars: only the last star is ever tried again. */
function matchesSegment(pattern: string, text: string): boolean {
  if (pattern === '*') return true
  let at = 0
  let inPattern = 0
  let star = -1
  let resume = 0
  while (at < text.length) {
    const wanted = pattern.charAt(inPattern)
    if (wanted === '*') {
      star = inPattern
      inPattern += 1
      resume = at
    } else if (wanted === '?' || (wanted !== '' && wanted === text.charAt(at))) {
      at += 1
      inPattern += 1
    } else if (star !== -1) {
      inPattern = star + 1
      resume += 1
      at = resume
    } else return false
  }
  while (pattern.charAt(inPattern) === '*') inPattern += 1
  return inPattern === pattern.length
}

/** Printable ASCII without backslash, and none that only some clients take for a pattern or an escape. */
const WRITABLE_SEGMENT = /^[A-Za-z0-9._+!~@-]+$/

/**
 * Checks a target path or pattern that we are about to sign: bounded, printable ASCII, no empty, `.` or `..` segments; `*`
 * stands alone in its segment, and in patterns only. Every client reads such a one alike (tuf.md C; attacks.md DEL-2, ARB-5).
 * @throws TrustError `metadata-invalid`
 */
export function checkWritablePath(path: string, kind: 'target' | 'pattern'): void {
  if (path.length > MAX_TARGET_PATH) throw refused(path, 'it is too long')
  const segments = path.split('/')
  if (segments.length > MAX_PATH_SEGMENTS) throw refused(path, 'it has too many segments')
  for (const segment of segments) {
    if (segment === '*' && kind === 'pattern') continue
    if (segment === '.' || segment === '..' || !WRITABLE_SEGMENT.test(segment)) {
      throw refused(path, 'a segment is empty, a dot segment, or holds what clients read differently')
    }
  }
}

function refused(path: string, reason: string): TrustError {
  return new TrustError('metadata-invalid', `${JSON.stringify(path.slice(0, 80))} cannot be signed: ${reason}.`)
}
