import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_ARCHIVE_ENTRIES, MAX_MEMBER_PATH_BYTES } from './limits.ts'

/** One row of a wheel's RECORD (PEP 376, PEP 427): what was installed, and its digest. */
export interface RecordEntry {
  readonly path: string
  /** Absent for RECORD itself. */
  readonly hash?: { readonly algorithm: string; readonly digest: string }
  /** Bytes. */
  readonly size?: number
}

const ALGORITHM = /^[a-z0-9_]{1,32}$/
const DIGEST = /^[A-Za-z0-9_-]{1,128}$/
const SIZE = /^[0-9]{1,15}$/
const FIELDS = 3
/** Characters as they stand: a path of nothing but quotes, each written twice. */
const MAX_FIELD = 2 * MAX_MEMBER_PATH_BYTES

/**
 * Reads RECORD: CSV in UTF-8 as Python's csv module writes it, three fields a row, the digest as `algorithm=` and URL-safe base64
 * without padding. Says nothing about whether the rows are true or their paths are safe. Fields and rows are refused where they
 * become too long, not at their end (attacks.md ZIP-BOMB).
 * @throws PackagingError `archive-invalid`
 */
export function parseRecord(bytes: Uint8Array, maxRows = MAX_ARCHIVE_ENTRIES): readonly RecordEntry[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw recordError('it is not UTF-8', { cause: error })
  }
  const entries: RecordEntry[] = []
  let rows = 0
  for (const row of parseCsv(text)) {
    // Empty lines count as well: millions of them take seconds.
    rows += 1
    if (rows > maxRows) throw recordError('it has too many rows')
    if (row.length === 1 && row[0] === '') continue
    entries.push(readRow(row))
  }
  return entries
}

/** Writes RECORD with `\n` line ends; rows keep their order. */
export function formatRecord(entries: readonly RecordEntry[]): Uint8Array {
  const rows = entries.map(({ path, hash, size }) => {
    const digest = hash === undefined ? '' : `${hash.algorithm}=${hash.digest}`
    return `${quote(path)},${digest},${size ?? ''}\n`
  })
  return Buffer.from(rows.join(''), 'utf8')
}

/** The refusal of a RECORD. */
export function recordError(reason: string, options?: { readonly cause?: unknown }): PackagingError {
  return new PackagingError('archive-invalid', `The wheel's RECORD is refused: ${reason}.`, options)
}

function notThreeFields(path: string): PackagingError {
  return recordError(`the row of ${excerpt(path)} does not have three fields`)
}

function readRow(row: readonly string[]): RecordEntry {
  const [path = '', hash = '', size = ''] = row
  if (row.length !== FIELDS || path === '') throw notThreeFields(path)
  const equals = hash.indexOf('=')
  const algorithm = hash.slice(0, Math.max(equals, 0))
  const digest = hash.slice(equals + 1)
  if (hash !== '' && (!ALGORITHM.test(algorithm) || !DIGEST.test(digest))) {
    throw recordError(`the hash of ${excerpt(path)} is malformed`)
  }
  if (size !== '' && !SIZE.test(size)) throw recordError(`the size of ${excerpt(path)} is malformed`)
  return {
    path,
    ...(hash !== '' && { hash: { algorithm, digest } }),
    ...(size !== '' && { size: Number(size) }),
  }
}

/** RFC 4180 with any line end, in one pass; a quote in the middle of a field, which readers take differently, is refused. */
function* parseCsv(text: string): Generator<readonly string[], void, undefined> {
  let row: string[] = []
  let at = 0
  while (at < text.length) {
    let field: string
    if (text[at] === '"') {
      const end = closingQuote(text, at)
      field = text.slice(at + 1, end).replaceAll('""', '"')
      at = end + 1
    } else {
      const start = at
      while (at < text.length && !isDelimiter(text.charCodeAt(at))) at += 1
      if (at - start > MAX_FIELD) throw recordError('a field is too long')
      field = text.slice(start, at)
      if (field.includes('"')) throw recordError('a quote stands inside a field')
    }
    row.push(field)
    if (row.length > FIELDS) throw notThreeFields(row[0] ?? '')
    if (text[at] === ',') {
      at += 1
      if (at === text.length || isLineEnd(text.charCodeAt(at))) row.push('')
      else continue
    } else if (at < text.length && !isLineEnd(text.charCodeAt(at))) throw recordError('a quote stands inside a field')
    at += text.startsWith('\r\n', at) ? 2 : 1
    yield row
    row = []
  }
}

function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 2)) {
    if (at - open - 1 > MAX_FIELD) throw recordError('a field is too long')
    if (text[at + 1] !== '"') return at
  }
  throw recordError('a quoted field does not end')
}

function isLineEnd(code: number): boolean {
  return code === 0x0a || code === 0x0d
}

function isDelimiter(code: number): boolean {
  return code === 0x2c || isLineEnd(code)
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
