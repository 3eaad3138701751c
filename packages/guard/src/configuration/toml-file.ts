import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser'
import type { AST } from 'toml-eslint-parser'
import { GuardError } from '../error.ts'

const ARRAY: readonly [string, string] = ['[[', ']]']

/** A table of an array of tables: `[[source]]`, with its position in the text. */
export interface ArrayEntry {
  readonly values: Readonly<Record<string, unknown>>
  readonly node: AST.TOMLTable
}

/**
 * A TOML file that is changed in places, so that comments, order and spelling of everything else stay. Every change
 * parses again: files that people write are small.
 */
export class TomlFile {
  #text: string
  readonly #path: string

  /** Throws GuardError `config-unreadable` when the text is not TOML. `path` is for the message. */
  constructor(text: string, path: string) {
    this.#text = text
    this.#path = path
    this.#tables()
  }

  get text(): string {
    return this.#text
  }

  /** The value at `path`, however it is written; undefined when there is none. */
  value(path: readonly string[]): unknown {
    return path.reduce<unknown>(
      (at, key) => (isTable(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      getStaticTOMLValue(this.#parse()),
    )
  }

  /** The line, from 1, of what is written at `path`, or of the nearest thing around it that has one; 1 where nothing has. */
  line(path: readonly (string | number)[]): number {
    const written = [
      ...this.#pairs().map(({ full, node }) => ({ full, node })),
      ...this.#tables().map((node) => ({ full: node.resolvedKey, node })),
    ]
    for (let length = path.length; length > 0; length -= 1) {
      const found = written.find(({ full }) => full.length === length && full.every((key, at) => key === path[at]))
      if (found !== undefined) return found.node.loc.start.line
    }
    return 1
  }

  /** The tables of the array at `path` that are written as `[[path]]`. */
  entries(path: readonly string[]): readonly ArrayEntry[] {
    return this.#tables()
      .filter((node) => node.kind === 'array' && isAt(node, path))
      .map((node) => ({ node, values: ownValues(node) }))
  }

  /** Adds `[[path]]` at the end. */
  append(path: readonly string[], values: ReadonlyMap<string, string | boolean>, brackets = ARRAY): void {
    const before = this.#text === '' || this.#text.endsWith('\n\n') ? '' : this.#text.endsWith('\n') ? '\n' : '\n\n'
    this.#text += before + tableText(path, values, brackets)
  }

  /** Sets a key of the table, in place or behind its last one. */
  set({ node }: ArrayEntry, key: string, value: string | boolean): void {
    const found = node.body.find((pair) => keyName(pair) === key)
    if (found !== undefined) return this.#replace(found.value.range, tomlValue(value))
    // Behind the whole line: a comment there belongs to the key before.
    const last = node.body.at(-1)?.range[1] ?? node.range[1]
    const lineEnd = this.#text.indexOf('\n', last)
    const end = lineEnd === -1 ? this.#text.length : lineEnd
    this.#replace([end, end], `\n${key} = ${tomlValue(value)}`)
  }

  /** Takes a key of the table out. */
  unset({ node }: ArrayEntry, key: string): void {
    const found = node.body.find((pair) => keyName(pair) === key)
    if (found !== undefined) this.#removeLines(found)
  }

  /** Takes out what stands at `path` and below it, but for what is written inside of a value: `{ … }`. */
  removeAt(path: readonly string[]): void {
    const isBelow = (full: readonly unknown[]) => path.every((key, at) => full[at] === key)
    for (;;) {
      const table = this.#tables().find(({ resolvedKey }) => isBelow(resolvedKey))
      if (table === undefined) break
      this.remove({ node: table, values: {} })
    }
    for (;;) {
      const pair = this.#pairs().find(({ full }) => isBelow(full))
      if (pair === undefined) break
      this.#removeLines(pair.node)
    }
  }

  /** Sets a key of the table `[path]`, which is added where there is none. False when it is written in another form. */
  setIn(path: readonly string[], key: string, value: string): boolean {
    const wanted = [...path, key]
    const pair = this.#pairs().find(
      ({ full }) => full.length === wanted.length && wanted.every((part, at) => full[at] === part),
    )
    const node = this.#tables().find(
      (table) => table.kind === 'standard' && table.resolvedKey.join('.') === path.join('.'),
    )
    if (pair !== undefined) this.#replace(pair.node.value.range, tomlValue(value))
    else if (node !== undefined) this.set({ node, values: {} }, key, value)
    else if (this.value(path) !== undefined) return false
    else this.append(path, new Map([[key, value]]), ['[', ']'])
    return true
  }

  /** Takes a table out, with the tables below it and the empty lines behind; comments before the next one stay. */
  remove({ node }: ArrayEntry): void {
    const parts = this.#tables().filter((part) => node.resolvedKey.every((key, at) => part.resolvedKey[at] === key))
    for (const { range } of parts.toReversed()) {
      const gap = /^\s*\n/.exec(this.#text.slice(range[1]))?.[0].length ?? 0
      this.#replace([range[0], range[1] + gap], '')
    }
  }

  #replace([start, end]: readonly [number, number], text: string): void {
    this.#text = this.#text.slice(0, start) + text + this.#text.slice(end)
  }

  /** The whole lines: what stands behind a value on its line is a comment on it. */
  #removeLines({ range: [start, end] }: AST.TOMLKeyValue): void {
    const lineEnd = this.#text.indexOf('\n', end)
    this.#replace([this.#text.lastIndexOf('\n', start - 1) + 1, lineEnd === -1 ? this.#text.length : lineEnd + 1], '')
  }

  #parse(): AST.TOMLProgram {
    try {
      return parseTOML(this.#text)
    } catch (error) {
      throw new GuardError(
        'config-unreadable',
        `${this.#path} is not TOML: ${error instanceof Error ? error.message : String(error)}. Correct it and try again.`,
        { cause: error },
      )
    }
  }

  /** Every `key = value` that is written on lines of its own, with its key from the top. */
  #pairs(): readonly { readonly full: readonly unknown[]; readonly node: AST.TOMLKeyValue }[] {
    return this.#parse().body[0].body.flatMap((node): { full: unknown[]; node: AST.TOMLKeyValue }[] =>
      node.type === 'TOMLTable'
        ? node.body.map((pair) => ({ full: [...node.resolvedKey, ...keyParts(pair)], node: pair }))
        : [{ full: keyParts(node), node }],
    )
  }

  #tables(): readonly AST.TOMLTable[] {
    return this.#parse().body[0].body.filter((node) => node.type === 'TOMLTable')
  }
}

/** `[[a.b]]` with its keys. */
export function tableText(
  path: readonly string[],
  values: ReadonlyMap<string, string | boolean>,
  [open, close]: readonly [string, string] = ARRAY,
): string {
  const lines = [...values].map(([key, value]) => `${key} = ${tomlValue(value)}\n`)
  return `${open}${path.join('.')}${close}\n${lines.join('')}`
}

/** A basic string of TOML is a string of JSON, but for DEL. */
function tomlValue(value: string | boolean): string {
  return JSON.stringify(value).replaceAll('\u007F', '\\u007F')
}

function isAt({ resolvedKey }: AST.TOMLTable, path: readonly string[]): boolean {
  return resolvedKey.length === path.length + 1 && path.every((key, at) => resolvedKey[at] === key)
}

function ownValues(node: AST.TOMLTable): Readonly<Record<string, unknown>> {
  return Object.fromEntries(node.body.map((pair) => [keyName(pair), getStaticTOMLValue(pair.value)]))
}

function keyName(pair: AST.TOMLKeyValue): string {
  return keyParts(pair).join('.')
}

function keyParts({ key }: AST.TOMLKeyValue): string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))
}

/** Whether a value of TOML is a table. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
