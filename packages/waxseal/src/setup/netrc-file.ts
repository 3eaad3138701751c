import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import type { Edit, PlannedFile, SetupRequest } from './setup-plan.ts'

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
 * The file with the credentials that pip, uv, Poetry, PDM and pipenv send to this host, and to no other. Undefined
 * when no token was given.
 */
export function netrcFile(request: SetupRequest): PlannedFile | undefined {
  const { token, username = '__token__', index, env, home } = request
  if (token === undefined) return undefined
  const path = env['NETRC'] || join(home, '.netrc')
  return {
    path,
    shown: `machine ${index.hostname} login ${username} password TOKEN\n`,
    secret: true,
    edit: (before) => netrcEdit(before ?? '', path, index.hostname, username, token),
  }
}

/**
 * Adds or mends the entry of a machine, and touches no other byte. Of several entries of one machine, Python takes the
 * last and others the first: all of them are mended. Throws CommandError `config-unreadable`.
 */
export function netrcEdit(before: string, path: string, machine: string, login: string, password: string): Edit {
  const entries = readNetrc(before, path)
  const wanted = new Map([
    ['login', login],
    ['password', password],
  ])
  const wrong = entries
    .filter((entry) => entry.machine === machine)
    .filter(({ values }) => [...wanted].some(([key, text]) => values.findLast((it) => it.key === key)?.text !== text))
  if (wrong.length > 0) {
    let text = before
    for (const entry of wrong.toReversed()) text = withValues(text, entry, wanted)
    return {
      text,
      conflicts: [`${path} has other credentials for ${machine}. Remove that entry, or have it replaced with --force.`],
    }
  }
  if (entries.some((entry) => entry.machine === machine)) return { text: before, conflicts: [] }
  // What stands behind `default` is not looked at by every client.
  const place = entries.find((entry) => entry.machine === undefined)?.start ?? before.length
  const head = before.slice(0, place)
  const eol = before.includes('\r\n') ? '\r\n' : '\n'
  const line = `machine ${machine} login ${wordOf(login)} password ${wordOf(password)}${eol}`
  return {
    text: `${head}${head === '' || head.endsWith('\n') ? '' : eol}${line}${before.slice(place)}`,
    conflicts: [],
  }
}

/**
 * Quotes stay where they are, and none come: behind them Python takes the end of the line for one before the next word,
 * and a comment there for something else.
 */
function withValues(text: string, { name, values }: NetrcEntry, wanted: ReadonlyMap<string, string>): string {
  const isQuoted = (start: number) => text.charAt(start) === '"'
  const missing = [...wanted].filter(([key]) => values.every((value) => value.key !== key))
  let changed = text
  for (const { key, start, end } of values.toReversed()) {
    const value = wanted.get(key)
    if (value !== undefined) changed = changed.slice(0, start) + wordOf(value, isQuoted(start)) + changed.slice(end)
  }
  const added = missing.map(([key, value]) => ` ${key} ${wordOf(value, isQuoted(name.start))}`).join('')
  return changed.slice(0, name.end) + added + changed.slice(name.end)
}

function wordOf(value: string, quoted = false): string {
  const escaped = value.replaceAll(/^#|["\\]/g, String.raw`\$&`)
  return quoted ? `"${escaped}"` : escaped
}

/**
 * The entries of a `.netrc`, read as Python's netrc module reads it (3.11 and later), which pip, Poetry, PDM and pipenv
 * ask. Throws CommandError `config-unreadable` where that module refuses the text, and for a last value that is missing,
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
function unreadable(text: string, path: string, at: number): CommandError {
  const line = text.slice(0, at).split(/\r\n|\r|\n/).length
  return new CommandError(
    'config-unreadable',
    `${path} cannot be read, by pip and others either, which then pass all of it over: line ${line}. Of a comment behind an empty line, Python reads the first word only. Correct it and try again.`,
    EXIT_REFUSED,
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
