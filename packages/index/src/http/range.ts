import type { ByteRange } from '../blobs/blob-store.ts'
import { ifRangeHolds } from './entity-tag.ts'

/** What part of a representation to send: all of it (200), `range` (206), or nothing because it ends before (416). */
export type RangeAnswer =
  | { readonly kind: 'full' }
  | { readonly kind: 'partial'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' }

const FULL: RangeAnswer = { kind: 'full' }
const UNSATISFIABLE: RangeAnswer = { kind: 'unsatisfiable' }
/** One range. Fifteen digits stay exact as a number and exceed every file. */
const ONE_RANGE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/i
const EXACT_DIGITS = 15

/**
 * Reads a Range header for `size` bytes (RFC 9110 14.1.2, 14.2): `bytes=5-`, `bytes=0-0`, `bytes=-500`. Several ranges,
 * another unit or a malformed header are ignored, which answers with everything; pip and uv ask for one range each.
 */
export function parseRange(header: string | undefined, size: number): RangeAnswer {
  if (header === undefined) return FULL
  const match = ONE_RANGE.exec(header)
  if (match === null) return FULL
  const [, first, last, suffix] = match
  if (first === undefined) {
    const length = position(suffix ?? '')
    if (length === 0 || size === 0) return UNSATISFIABLE
    return { kind: 'partial', range: { start: Math.max(0, size - length), end: size } }
  }
  const start = position(first)
  const end = last === undefined || last === '' ? Infinity : position(last) + 1
  if (end <= start && end !== Infinity) return FULL
  if (start >= size) return UNSATISFIABLE
  return { kind: 'partial', range: { start, end: Math.min(end, size) } }
}

/** The answer to the Range and If-Range headers of a GET for a representation of `size` bytes with the strong `etag`. */
export function rangeFor(
  headers: { readonly range?: string | undefined; readonly 'if-range'?: string | undefined },
  representation: { readonly size: number; readonly etag: string },
): RangeAnswer {
  if (!ifRangeHolds(headers['if-range'], representation.etag)) return FULL
  return parseRange(headers.range, representation.size)
}

function position(digits: string): number {
  const significant = digits.replace(/^0+/, '')
  return significant.length > EXACT_DIGITS ? Infinity : Number(significant)
}
