import { GuardError } from '../error.ts'

/** A line of a requirements file as pip takes it: continuations joined, comments gone, variables in their place. */
export interface RequirementsLine {
  /** Of the first of the lines that were joined; from 1. */
  readonly number: number
  readonly text: string
}

/** What Python calls white space, and where it ends a line: more than JavaScript does. */
const SPACE = '[\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/
const COMMENT = new RegExp(`(?:^|${SPACE}+)#.*$`, 's')
const EDGES = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g')
const VARIABLE = /\$\{([A-Z0-9_]+)\}/g

/** The lines that pip would read, in its order of steps (`pip/_internal/req/req_file.py`). */
export function requirementsLines(text: string, env: NodeJS.ProcessEnv): readonly RequirementsLine[] {
  return joined(text.split(LINE_END)).flatMap(({ number, text: whole }) => {
    const line = whole.replace(COMMENT, '').replaceAll(EDGES, '')
    return line === '' ? [] : [{ number, text: expanded(line, env) }]
  })
}

function joined(lines: readonly string[]): readonly RequirementsLine[] {
  const whole: RequirementsLine[] = []
  let open: RequirementsLine | undefined
  for (const [index, line] of lines.entries()) {
    // pip's own test looks for a comment at the start of the line only.
    const comment = new RegExp(`^(?:${SPACE}*)#`).test(line)
    const text = `${open?.text ?? ''}${comment ? ' ' : ''}`
    const number = open?.number ?? index + 1
    if (line.endsWith('\\') && !comment) open = { number, text: text + line.replaceAll(/^\\+|\\+$/g, '') }
    else {
      whole.push({ number, text: text + line })
      open = undefined
    }
  }
  if (open !== undefined) whole.push(open)
  return whole
}

function expanded(line: string, env: NodeJS.ProcessEnv): string {
  let text = line
  for (const [variable, name = ''] of line.matchAll(VARIABLE)) {
    const value = env[name]
    if (value !== undefined && value !== '') text = text.replaceAll(variable, () => value)
  }
  return text
}

const MARKS: readonly (readonly [readonly number[], 'utf-8' | 'utf-16le' | 'utf-16be'])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
]
const DECLARED = /coding[:=]\s*([-\w.]+)/
const UTF8 = new Set(['utf-8', 'utf8', 'ascii', 'us-ascii'])
const LATIN1 = new Set(['latin-1', 'latin1', 'iso-8859-1'])

/** The text of a requirements file in the encoding that pip would take. @throws requirement-refused for one that is not read here. */
export function decodeRequirements(bytes: Buffer, where: string): string {
  const mark = MARKS.find(([start]) => start.every((byte, at) => bytes[at] === byte))
  if (mark !== undefined) {
    const rest = bytes.subarray(mark[0].length)
    // A second mark would turn Python's byte order around, and UTF-32 begins like UTF-16.
    if (
      mark[1] !== 'utf-8' &&
      (MARKS.some(([start]) => start.every((byte, at) => rest[at] === byte)) || (rest[0] === 0 && rest[1] === 0))
    ) {
      throw unreadable(where, 'its byte order mark')
    }
    return decode(rest, mark[1], where)
  }
  const declared = declaredEncoding(bytes)
  if (declared === undefined || UTF8.has(declared)) return decode(bytes, 'utf-8', where)
  if (LATIN1.has(declared)) return bytes.toString('latin1')
  throw unreadable(where, `"coding: ${declared}"`)
}

function declaredEncoding(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1').split('\n', 2)
  for (const line of head) {
    const declared = line.startsWith('#') ? DECLARED.exec(line)?.[1] : undefined
    if (declared !== undefined) return declared.toLowerCase().replaceAll('_', '-')
  }
  return undefined
}

function decode(bytes: Buffer, encoding: string, where: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw unreadable(where, 'that it is not valid UTF-8', error)
  }
}

function unreadable(where: string, what: string, cause?: unknown): GuardError {
  return new GuardError(
    'requirement-refused',
    `${where} cannot be checked because of ${what}: pip might read it as another text. Save it as UTF-8, without a declared encoding.`,
    { cause, data: { where } },
  )
}
