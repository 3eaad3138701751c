import { compareCodePoints } from './code-points.ts'
import { TrustError } from './error.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { MAX_JSON_DEPTH } from './limits.ts'

/** A member of the outermost object, as the bytes have it. */
export interface Span {
  readonly text: string
  /** Whether the text is in canonical form already, and may be verified as it is. */
  readonly canonical: boolean
}

export interface ParsedJson {
  readonly value: JsonValue
  /** The text of the outermost object's member that was asked for. */
  readonly span: Span | undefined
}

/**
 * Parses JSON once and strictly: UTF-8 without a byte order mark, no name twice in one object, no numbers but whole ones
 * within 2^53 (-0 is none), no halves of characters, nothing behind the end (attacks.md ARB-5, FF-JS). Linear in the size of
 * the input. `spanOf` names a member of the outermost object whose own text is wanted: what is signed can then be verified
 * without writing it again, where it was written canonically (tuf.md C: quadratic clients).
 * @throws TrustError `json-invalid`
 */
export function parseJson(bytes: Uint8Array, spanOf?: string): ParsedJson {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch (cause) {
    throw new TrustError('json-invalid', 'The document is not UTF-8.', { cause })
  }
  return new Parser(text, spanOf).document()
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const FIRST_PLAIN = 0x20

/** What a backslash and one letter stand for (RFC 8259 section 7). */
const ESCAPES = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

class Parser {
  readonly #text: string
  readonly #spanOf: string | undefined
  #at = 0
  /** Whether all that was read since this was set is in canonical form. */
  #canonical = true
  #span: Span | undefined

  constructor(text: string, spanOf: string | undefined) {
    this.#text = text
    this.#spanOf = spanOf
  }

  document(): ParsedJson {
    this.#skipSpace()
    const value = this.#value(0)
    this.#skipSpace()
    if (this.#at !== this.#text.length) throw this.#invalid('something follows its end')
    return { value, span: this.#span }
  }

  #value(depth: number): JsonValue {
    const unit = this.#text.charCodeAt(this.#at)
    switch (unit) {
      case QUOTE:
        return this.#string()
      case 0x7b:
        return this.#object(depth)
      case 0x5b:
        return this.#array(depth)
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        if (unit === MINUS || (unit >= ZERO && unit <= NINE)) return this.#number()
        throw this.#invalid('a value is missing or malformed')
    }
  }

  #object(depth: number): JsonObject {
    if (depth >= MAX_JSON_DEPTH) throw this.#invalid('it is nested too deeply')
    const object = new Map<string, JsonValue>()
    this.#at += 1
    this.#skipSpace()
    if (this.#take('}')) return object
    let before: string | undefined
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== QUOTE) throw this.#invalid('the name of a member is missing')
      const name = this.#string()
      if (object.has(name)) throw this.#invalid('a name stands twice in one object')
      if (before !== undefined && compareCodePoints(before, name) > 0) this.#canonical = false
      before = name
      this.#skipSpace()
      if (!this.#take(':')) throw this.#invalid('a colon is missing')
      this.#skipSpace()
      object.set(name, depth === 0 && name === this.#spanOf ? this.#spanned() : this.#value(depth + 1))
      this.#skipSpace()
      if (this.#take('}')) return object
      if (!this.#take(',')) throw this.#invalid('a comma or brace is missing')
      this.#skipSpace()
    }
  }

  #spanned(): JsonValue {
    const start = this.#at
    const outer = this.#canonical
    this.#canonical = true
    const value = this.#value(1)
    this.#span = { text: this.#text.slice(start, this.#at), canonical: this.#canonical }
    this.#canonical &&= outer
    return value
  }

  #array(depth: number): readonly JsonValue[] {
    if (depth >= MAX_JSON_DEPTH) throw this.#invalid('it is nested too deeply')
    const items: JsonValue[] = []
    this.#at += 1
    this.#skipSpace()
    if (this.#take(']')) return items
    for (;;) {
      items.push(this.#value(depth + 1))
      this.#skipSpace()
      if (this.#take(']')) return items
      if (!this.#take(',')) throw this.#invalid('a comma or bracket is missing')
      this.#skipSpace()
    }
  }

  #string(): string {
    const start = this.#at + 1
    let escaped = false
    let at = start
    for (;;) {
      const unit = this.#text.charCodeAt(at)
      if (unit === QUOTE) break
      // NaN, at the end of the text, fails this comparison too.
      if (!(unit >= FIRST_PLAIN)) throw this.#invalid('a text is not closed, or holds a control character')
      if (unit === BACKSLASH) {
        escaped = true
        at += 1
      }
      at += 1
    }
    this.#at = at + 1
    const raw = this.#text.slice(start, at)
    // UTF-8 holds no halves of characters; escapes can.
    return escaped ? this.#unescaped(raw) : raw
  }

  #unescaped(raw: string): string {
    const text = raw.replaceAll(/\\(?:u([\da-fA-F]{4})|([\s\S]?))/g, (_, hex: string | undefined, letter: string) => {
      if (hex !== undefined) {
        this.#canonical = false
        return String.fromCharCode(Number.parseInt(hex, 16))
      }
      const character = ESCAPES.get(letter)
      if (character === undefined) throw this.#invalid('an escape is malformed')
      if (letter !== '"' && letter !== '\\') this.#canonical = false
      return character
    })
    if (!text.isWellFormed()) throw this.#invalid('a text holds half a character')
    return text
  }

  #number(): number {
    const start = this.#at
    let at = start + (this.#text.charCodeAt(start) === MINUS ? 1 : 0)
    const first = at
    while (this.#text.charCodeAt(at) >= ZERO && this.#text.charCodeAt(at) <= NINE) at += 1
    const digits = at - first
    if (digits === 0 || (digits > 1 && this.#text.charCodeAt(first) === ZERO))
      throw this.#invalid('a number is malformed')
    if (/[.eE]/.test(this.#text.charAt(at))) throw this.#invalid('a number is not a whole one')
    const number = Number(this.#text.slice(start, at))
    if (!Number.isSafeInteger(number) || Object.is(number, -0)) throw this.#invalid('a number is too large, or -0')
    this.#at = at
    return number
  }

  #word<T extends null | boolean>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#invalid('a value is malformed')
    this.#at += word.length
    return value
  }

  #take(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false
    this.#at += 1
    return true
  }

  #skipSpace(): void {
    const start = this.#at
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) break
      this.#at += 1
    }
    if (this.#at !== start) this.#canonical = false
  }

  #invalid(reason: string): TrustError {
    return new TrustError('json-invalid', `The document is not acceptable JSON, at character ${this.#at}: ${reason}.`)
  }
}
