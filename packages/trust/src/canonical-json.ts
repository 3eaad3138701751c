import { compareCodePoints } from './code-points.ts'
import { TrustError } from './error.ts'
import { MAX_JSON_DEPTH } from './limits.ts'

/** What can be encoded: parsed JSON, or plain data. Members that are `undefined` are left out. */
export type Encodable =
  | null
  | boolean
  | number
  | string
  | EncodedJson
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [name: string]: Encodable | undefined }

/** A part that was encoded before, to be put in as it is: a bin's entries do not change with every other entry. */
export class EncodedJson {
  /** Holds no control characters, so that it is the same on the wire and under a signature. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * Canonical JSON (OLPC), the bytes that TUF signs (specification 4.2): no white space, keys by code point, whole numbers,
 * nothing escaped but quote and backslash. It need not be JSON: a line feed in a PEM key stays one.
 * @throws TrustError `json-invalid` for halves of characters, fractions, numbers beyond 2^53, or too deep a nesting
 */
export function canonicalJson(value: Encodable): string {
  return encode(value, quoteCanonical, 0)
}

/** The same in the same order, as valid JSON: what is stored and sent. Without control characters the two are alike. */
export function wireJson(value: Encodable): string {
  return encode(value, quoteWire, 0)
}

type Quote = (text: string) => string

function encode(value: Encodable, quote: Quote, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw invalid('it is nested too deeply')
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      if (!Number.isSafeInteger(value)) throw invalid('a number is not a whole one, or too large')
      return Object.is(value, -0) ? '0' : String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      return value === null ? 'null' : encodeParts(value, quote, depth)
  }
}

function encodeParts(value: Encodable & object, quote: Quote, depth: number): string {
  if (value instanceof EncodedJson) return value.text
  if (Array.isArray(value)) {
    return `[${(value as readonly Encodable[]).map((item) => encode(item, quote, depth + 1)).join(',')}]`
  }
  const members: [string, Encodable][] = []
  const entries =
    value instanceof Map ? value.entries() : Object.entries(value as Record<string, Encodable | undefined>)
  for (const [name, member] of entries) if (member !== undefined) members.push([name, member])
  members.sort(([a], [b]) => compareCodePoints(a, b))
  return `{${members.map(([name, member]) => `${quote(name)}:${encode(member, quote, depth + 1)}`).join(',')}}`
}

function quoteCanonical(text: string): string {
  if (!text.isWellFormed()) throw invalid('a text holds half a character')
  return /["\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"` : `"${text}"`
}

function quoteWire(text: string): string {
  if (!text.isWellFormed()) throw invalid('a text holds half a character')
  return JSON.stringify(text)
}

function invalid(reason: string): TrustError {
  return new TrustError('json-invalid', `The data cannot be written as canonical JSON: ${reason}.`)
}
