import { GuardError } from '../error.ts'

/** What a key of an entry is set to, and where that word stands, with quotes. */
export interface NetrcValue {
  readonly key: 'login' | 'account' | 'password'
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface NetrcEntry {
  /** Undefined for `default`, which matches every machine that has no entry. */
  readonly machine: string | undefined
  readonly start: number
  /** Where its name stands; the values stand behind. */
  readonly name: { readonly start: number; readonly end: number }
  readonly values: readonly NetrcValue[]
}

interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
  /** Whether its line ended before it or with it: Python takes a comment for one word then. */
  readonly crossesLine: boolean
}

const KEYS: ReadonlyMap<string, NetrcValue['key']> = new Map([
  ['login', 'login'],
  ['user', 'login'],
  ['account', 'account'],
  ['password', 'password'],
])
const TOP = new Set(['machine', 'default', 'macdef'])

/**
 * The entries of a `.netrc`, read as Python's netrc module reads it (3.11 and later), which pip, Poetry, PDM and pipenv
 * ask. Throws GuardError `config-unreadable` where that module refuses the text, and for a last value that is missing,
 * which whatever is added would become.
 */
export function readNetrc(text: string, path: string): readonly NetrcEntry[] {
  const reader = new NetrcReader(text)
  const entries: NetrcEntry[] = []
  for (;;) {
    const word = reader.next()
    if (word === undefined) {
      // Python takes it; what is written behind it would become a part of it.
      if (reader.isCutOff) throw unreadable(text, path, text.length)
      return entries
    }
    if (word.text.startsWith('#')) {
      if (word.text === '#' && !word.crossesLine) reader.skipLine()
      continue
    }
    if (!TOP.has(word.text)) throw unreadable(text, path, word.start)
    const name = word.text === 'default' ? word : reader.next()
    if (name === undefined || name.text === '') throw unreadable(text, path, word.start)
    if (word.text === 'macdef') {
      if (!reader.skipMacro()) throw unreadable(text, path, word.start)
      continue
    }
    const values: NetrcValue[] = []
    for (;;) {
      const back = reader.position
      const key = reader.next()
      if (key?.text.startsWith('#') === true) {
        if (!key.crossesLine) reader.skipLine()
        continue
      }
      if (key === undefined || TOP.has(key.text)) {
        reader.position = back
        break
      }
      const known = KEYS.get(key.text)
      const value = known === undefined ? undefined : reader.next()
      if (known === undefined || value === undefined) throw unreadable(text, path, key.start)
      values.push({ key: known, text: value.text, start: value.start, end: value.end })
    }
    // Python keeps an entry called "default" as it keeps the one without a name.
    const machine = name.text === 'default' ? undefined : name.text
    entries.push({ machine, start: word.start, name: { start: name.start, end: name.end }, values })
  }
}

/** Names the line and never shows it: it may hold a password. */
function unreadable(text: string, path: string, at: number): GuardError {
  const line = text.slice(0, at).split(/\r\n|\r|\n/).length
  return new GuardError(
    'config-unreadable',
    `${path} cannot be read, by pip and others either, which then pass all of it over: line ${line}. Of a comment behind an empty line, Python reads the first word only. Correct it and try again.`,
  )
}

/** Python's `_netrclex`, with positions. */
class NetrcReader {
  readonly #text: string
  position = 0
  /** Whether the text ends in a quotation or behind a backslash. */
  isCutOff = false

  constructor(text: string) {
    this.#text = text
  }

  /** The next word, without its quotes; undefined at the end. One space behind it is taken too. */
  next(): Word | undefined {
    const from = this.position
    while (isSpace(this.#peek())) this.position += 1
    const start = this.position
    const quoted = this.#peek() === '"'
    if (quoted) this.position += 1
    let text = ''
    let end = start
    for (;;) {
      let character = this.#take()
      if (quoted ? character === '"' || character === '' : character === '' || isSpace(character)) {
        if (quoted) end = this.position
        this.isCutOff ||= quoted && character === ''
        break
      }
      if (character === '\\') {
        character = this.#take()
        this.isCutOff ||= character === ''
      }
      text += character
      end = this.position
    }
    if (end === start) return undefined
    return { text, start, end, crossesLine: /[\r\n]/.test(this.#text.slice(from, this.position)) }
  }

  skipLine(): void {
    while (!['', '\n'].includes(this.#take()));
  }

  /** To behind the empty line that ends a macro. False where there is none. */
  skipMacro(): boolean {
    for (;;) {
      const start = this.position
      this.skipLine()
      const line = this.#text.slice(start, this.position)
      if (line === '') return false
      if (/^[\r\n]/.test(line)) return true
    }
  }

  #peek(): string {
    return this.#text.charAt(this.position)
  }

  /** The next character, line ends of every system as one; empty at the end. */
  #take(): string {
    const character = this.#peek()
    this.position += character === '\r' && this.#text.charAt(this.position + 1) === '\n' ? 2 : character.length
    return character === '\r' ? '\n' : character
  }
}

function isSpace(character: string): boolean {
  return character !== '' && '\n\t\r '.includes(character)
}
