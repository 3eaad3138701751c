import { PackagingError } from './error.ts'

/** One header field: the name as written, the value unfolded no further than Python does: line ends inside it stay. */
export interface EmailHeader {
  readonly name: string
  readonly value: string
}

/** Something that Python's reader notes and reads past. */
type EmailDefect = 'first-header-is-continuation' | 'misplaced-envelope' | 'missing-header-name' | 'missing-separator'

/** A message as Python's `email.parser` with the compat32 policy sees it. */
export interface EmailMessage {
  /** In the order of the file; a name may occur more than once. */
  readonly headers: readonly EmailHeader[]
  /** Everything after the first line that is no header, byte for byte. */
  readonly body: string
  readonly defects: readonly EmailDefect[]
}

// What Python's feedparser takes for a header line, a continuation or an mbox envelope.
const HEADER_LINE = /^(?:From |[\x21-\x39\x3b-\x7e]*:|[\t ])/
const LINE = /[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/y

/**
 * Splits METADATA or PKG-INFO into headers and body exactly as Python's `email.parser` (compat32) does, so that the index never
 * approves other dependencies than pip sees (standards.md 3.5). Encoded words are not decoded, and MIME is not interpreted:
 * a caller has to refuse messages with MIME headers.
 * @throws PackagingError `metadata-invalid` when the bytes are not UTF-8
 */
export function parseEmailHeaders(bytes: Uint8Array): EmailMessage {
  const text = decodeUtf8(bytes)
  const headerLines: string[] = []
  const defects: EmailDefect[] = []
  let position = 0
  while (position < text.length) {
    const line = lineAt(text, position)
    if (!HEADER_LINE.test(line)) {
      if (/^[\r\n]/.test(line)) position += line.length
      else defects.push('missing-separator')
      break
    }
    headerLines.push(line)
    position += line.length
  }
  const { headers, pushedBack } = readHeaders(headerLines, defects)
  return { headers, body: pushedBack + text.slice(position), defects }
}

function readHeaders(
  lines: readonly string[],
  defects: EmailDefect[],
): { readonly headers: readonly EmailHeader[]; readonly pushedBack: string } {
  const headers: EmailHeader[] = []
  let current: string[] = []
  const flush = (): void => {
    if (current.length > 0) headers.push(toHeader(current))
    current = []
  }
  for (const [i, line] of lines.entries()) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current.length === 0) defects.push('first-header-is-continuation')
      else current.push(line)
      continue
    }
    flush()
    if (line.startsWith('From ')) {
      // An mbox envelope is dropped at the start, and taken for the first line of the body at the end.
      if (i === 0) continue
      if (i === lines.length - 1) return { headers, pushedBack: line }
      defects.push('misplaced-envelope')
    } else if (line.startsWith(':')) {
      defects.push('missing-header-name')
    } else {
      current = [line]
    }
  }
  flush()
  return { headers, pushedBack: '' }
}

function toHeader(lines: readonly string[]): EmailHeader {
  const [first = '', ...rest] = lines
  const colon = first.indexOf(':')
  let start = colon + 1
  while (first[start] === ' ' || first[start] === '\t') start += 1
  const value = [first.slice(start), ...rest].join('')
  let end = value.length
  while (end > 0 && (value[end - 1] === '\r' || value[end - 1] === '\n')) end -= 1
  return { name: first.slice(0, colon), value: value.slice(0, end) }
}

function lineAt(text: string, position: number): string {
  LINE.lastIndex = position
  return LINE.exec(text)?.[0] ?? ''
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // Python keeps a byte order mark; it makes the first line no header.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new PackagingError('metadata-invalid', 'The metadata is not UTF-8.', { cause: error })
  }
}
