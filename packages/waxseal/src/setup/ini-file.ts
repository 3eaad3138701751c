/** One option with the lines it stands on; continuation lines belong to it. */
interface IniOption {
  readonly section: string
  /** In lower case, as Python's configparser compares names. */
  readonly key: string
  readonly value: string
  readonly first: number
  /** Exclusive. */
  readonly end: number
}

const SECTION = /^\[([^\]]+)\]/
const OPTION = /^([^\s:=][^:=]*?)\s*[:=]\s*(.*)$/

/**
 * A file as Python's configparser reads it (pip.conf, .pypirc), kept line by line: what nobody changes stays as it is,
 * comments and order included.
 */
export class IniFile {
  readonly #lines: string[]
  readonly #eol: string

  constructor(text: string) {
    this.#eol = text.includes('\r\n') ? '\r\n' : '\n'
    this.#lines = text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)
  }

  /** Every option, in order. */
  options(): readonly IniOption[] {
    const found: IniOption[] = []
    let section = ''
    this.#lines.forEach((line, at) => {
      const header = SECTION.exec(line)
      const option = isComment(line) ? null : OPTION.exec(line)
      const last = found.at(-1)
      if (header !== null) section = header[1] ?? ''
      else if (option !== null) {
        const [, key = '', value = ''] = option
        found.push({ section, key: key.toLowerCase(), value, first: at, end: at + 1 })
      } else if (last !== undefined && /^\s+\S/.test(line) && last.section === section && !isComment(line.trim())) {
        found[found.length - 1] = { ...last, value: `${last.value}\n${line.trim()}`.trim(), end: at + 1 }
      }
    })
    return found
  }

  get(section: string, key: string): string | undefined {
    return this.options().findLast((option) => option.section === section && option.key === key)?.value
  }

  /** Sets an option where it stands, else at the end of its section, else in a new section at the end. */
  set(section: string, key: string, value: string): void {
    const line = `${key} = ${value.replaceAll('\n', `${this.#eol}    `)}`
    const old = this.options().findLast((option) => option.section === section && option.key === key)
    if (old !== undefined) {
      if (old.value !== value) this.#lines.splice(old.first, old.end - old.first, line)
      return
    }
    const header = this.#lines.findIndex((text) => SECTION.exec(text)?.[1] === section)
    if (header === -1) {
      if (this.#lines.length > 0 && this.#lines.at(-1)?.trim() !== '') this.#lines.push('')
      this.#lines.push(`[${section}]`, line)
      return
    }
    // Behind the last option: comments before the next section belong to that one.
    const end = this.options().findLast((option) => option.section === section)?.end ?? header + 1
    this.#lines.splice(end, 0, line)
  }

  remove({ first, end }: IniOption): void {
    this.#lines.splice(first, end - first)
  }

  toString(): string {
    return this.#lines.map((line) => line + this.#eol).join('')
  }
}

function isComment(line: string): boolean {
  return line.startsWith('#') || line.startsWith(';')
}
