import { GuardError } from '../error.ts'

/** One option with the lines it stands on; continuation lines belong to it. */
export interface IniOption {
  /** `DEFAULT` stands for every section. */
  readonly section: string
  /** In lower case, as Python's configparser compares names. */
  readonly key: string
  /** Without the indentation of its lines. */
  readonly value: string
  readonly indent: string
  readonly first: number
  /** Exclusive. */
  readonly end: number
}

interface Header {
  readonly section: string
  readonly indent: string
  readonly line: number
}

const DEFAULT_SECTION = 'DEFAULT'
const LINE = /[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g
/** What Python's `str.strip` takes away; JavaScript's `trim` knows other characters. */
const SPACE = String.raw`[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`
const INDENT = new RegExp(`^${SPACE}*`)
const STARTS_WITH_SPACE = new RegExp(`^${SPACE}`)

/**
 * A file as Python's configparser reads it for pip and twine (RawConfigParser: `=` and `:`, comments on lines of their
 * own, no interpolation, nothing twice), kept line by line: what nobody changes stays as it is, to the byte.
 */
export class IniFile {
  readonly #lines: string[]
  readonly #eol: string
  readonly #path: string

  /** Throws GuardError `config-unreadable` where configparser refuses the text. `path` is for the message. */
  constructor(text: string, path: string) {
    this.#eol = text.includes('\r\n') ? '\r\n' : '\n'
    this.#lines = text.match(LINE) ?? []
    this.#path = path
    this.#read()
  }

  /** Every option, in order. */
  options(): readonly IniOption[] {
    return this.#read().options
  }

  /** The value of a section's option, else the one that `[DEFAULT]` has for every section. */
  get(section: string, key: string): string | undefined {
    const found = (name: string) => this.options().find((option) => option.section === name && option.key === key)
    return (found(section) ?? found(DEFAULT_SECTION))?.value
  }

  /** Sets an option where it stands, else at the end of its section, else in a new section at the end. */
  set(section: string, key: string, value: string): void {
    const { options, headers } = this.#read()
    const old = options.find((option) => option.section === section && option.key === key)
    if (old !== undefined) {
      if (old.value !== value) this.#splice(old.first, old.end, [this.#optionLine(old.indent, key, value)])
      return
    }
    const at = headers.findIndex((header) => header.section === section)
    const header = headers[at]
    if (header === undefined) {
      const last = this.#lines.at(-1)
      const gap = last === undefined || strip(last) === '' ? [] : ['']
      this.#splice(this.#lines.length, this.#lines.length, [...gap, `[${section}]`, this.#optionLine('', key, value)])
      return
    }
    // Behind the last option: comments before the next section belong to that one.
    const last = options.findLast((option) => option.section === section)
    // A deeper line that follows would continue a shallower one.
    const indent = last?.indent ?? headers[at + 1]?.indent ?? header.indent
    const place = last?.end ?? header.line + 1
    this.#splice(place, place, [this.#optionLine(indent, key, value)])
  }

  remove({ first, end }: IniOption): void {
    this.#splice(first, end, [])
  }

  toString(): string {
    return this.#lines.join('')
  }

  #optionLine(indent: string, key: string, value: string): string {
    return `${indent}${key} = ${value.replaceAll('\n', `${this.#eol}${indent}    `)}`
  }

  #splice(first: number, end: number, lines: readonly string[]): void {
    const before = this.#lines[first - 1]
    if (before !== undefined && lines.length > 0 && !/[\r\n]$/.test(before)) this.#lines[first - 1] += this.#eol
    this.#lines.splice(first, end - first, ...lines.map((line) => line + this.#eol))
  }

  /** configparser's `_read`, with the lines that everything stands on. */
  #read(): { readonly options: readonly IniOption[]; readonly headers: readonly Header[] } {
    const options: IniOption[] = []
    const headers: Header[] = []
    /** Of the option that a deeper line continues; none behind a header. */
    let open = false
    let depth = 0
    for (const [at, line] of this.#lines.entries()) {
      const text = strip(line)
      if (text === '' || text.startsWith('#') || text.startsWith(';')) continue
      const indent = INDENT.exec(line)?.[0] ?? ''
      const last = options.at(-1)
      if (open && last !== undefined && indent.length > depth) {
        const lines = this.#lines.slice(last.end, at).filter((between) => strip(between) === '')
        const value = [last.value, ...lines.map(() => ''), text].join('\n')
        options[options.length - 1] = { ...last, value, end: at + 1 }
        continue
      }
      depth = indent.length
      const closing = text.startsWith('[') ? text.lastIndexOf(']') : -1
      open = closing < 2
      if (!open) this.#addHeader(headers, { section: text.slice(1, closing), indent, line: at })
      else options.push(this.#option(options, headers.at(-1), text, indent, at))
    }
    return { options, headers }
  }

  #addHeader(headers: Header[], header: Header): void {
    const isTwice = headers.some(({ section }) => section === header.section)
    if (isTwice && header.section !== DEFAULT_SECTION)
      throw this.#unreadable(header.line, 'the section is there already')
    headers.push(header)
  }

  #option(
    options: readonly IniOption[],
    header: Header | undefined,
    text: string,
    indent: string,
    at: number,
  ): IniOption {
    if (header === undefined) throw this.#unreadable(at, 'there is no [section] before it')
    const delimiter = text.search(/[=:]/)
    const key = strip(text.slice(0, Math.max(delimiter, 0))).toLowerCase()
    if (key === '') throw this.#unreadable(at, 'it is no "name = value"')
    const { section } = header
    if (options.some((option) => option.section === section && option.key === key)) {
      throw this.#unreadable(at, 'the section has this option already')
    }
    return { section, key, value: strip(text.slice(delimiter + 1)), indent, first: at, end: at + 1 }
  }

  /** Names the line and never shows it: it may hold a password. */
  #unreadable(line: number, why: string): GuardError {
    return new GuardError(
      'config-unreadable',
      `${this.#path} cannot be read, by its client either: line ${line + 1}, ${why}. Correct it and try again.`,
    )
  }
}

function strip(text: string): string {
  const start = INDENT.exec(text)?.[0].length ?? 0
  let end = text.length
  while (end > start && STARTS_WITH_SPACE.test(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}
