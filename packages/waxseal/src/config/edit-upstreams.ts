import { isDeepStrictEqual } from 'node:util'
import { parse } from 'smol-toml'
import type { AST } from 'toml-eslint-parser'
import { parseTOML } from 'toml-eslint-parser'

/** One `[upstream.NAME]` as it is to be written: values of keys, in their order. */
export interface NewUpstream {
  readonly name: string
  readonly values: Readonly<Record<string, string | boolean | readonly string[]>>
}

/** A piece of the text, end exclusive. */
type Span = readonly [number, number]

/**
 * `text`, a configuration file, with tables for `added`: at its end, or before all other upstreams. All else stays as it
 * is, comments too. Undefined where that cannot be done so that the result says just this: to be edited by hand.
 */
export function withUpstreams(text: string, added: readonly NewUpstream[], first: boolean): string | undefined {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const tables = added.map(({ name, values }) =>
    [`[upstream.${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${toml(value)}`), ''].join(
      newline,
    ),
  )
  const [front] = first ? upstreamTables(text) : []
  const at = front?.range[0] ?? text.length
  const before = text.slice(0, at)
  const gap =
    before === '' || before.endsWith(newline + newline) ? '' : before.endsWith('\n') ? newline : newline + newline
  const tail = text.slice(at)
  const edited = before + gap + tables.join(newline) + (tail === '' ? '' : newline + tail)
  const expected = added.map(({ name, values }) => [name, values] as const)
  const old = upstreamsIn(text)
  return says(edited, text, first ? [...expected, ...old] : [...old, ...expected]) ? edited : undefined
}

/** `text` without an upstream; without any left, an empty `[upstream]` says that there is none. Undefined as above. */
export function withoutUpstream(text: string, name: string): string | undefined {
  const cuts = spansOf(text, name)
  let edited = text
  for (const [start, end] of cuts.toReversed()) edited = edited.slice(0, start) + edited.slice(end)
  const left = upstreamsIn(text).filter(([known]) => known !== name)
  if (left.length === 0 && tableAt(edited) === undefined) {
    const gap = edited === '' || edited.endsWith('\n\n') ? '' : edited.endsWith('\n') ? '\n' : '\n\n'
    edited += `${gap}# None is asked.\n[upstream]\n`
  }
  return says(edited, text, left) ? edited : undefined
}

/** Text, lists of it and truth values as TOML. */
function toml(value: unknown): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f')
}

/** Whether `edited` has just these upstreams in this order, and all else as `text` has it. */
function says(edited: string, text: string, upstreams: readonly (readonly [string, unknown])[]): boolean {
  try {
    const { upstream: _after, ...after } = parse(edited)
    const { upstream: _before, ...before } = parse(text)
    const [one, other] = [after, before].map((part) => plain(part))
    return isDeepStrictEqual(one, other) && isDeepStrictEqual(plain(upstreamsIn(edited)), plain(upstreams))
  } catch {
    return false
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function tableAt(text: string): unknown {
  return parse(text)['upstream']
}

function upstreamsIn(text: string): readonly (readonly [string, unknown])[] {
  const table = tableAt(text)
  return typeof table === 'object' && table !== null ? Object.entries(table) : []
}

function upstreamTables(text: string): readonly AST.TOMLTable[] {
  const [top] = parseTOML(text, { tomlVersion: 'latest' }).body
  return top.body.filter((part) => part.type === 'TOMLTable').filter(({ resolvedKey }) => resolvedKey[0] === 'upstream')
}

/** The lines that hold an upstream, however it is written: a table with those below it, or keys. */
function spansOf(text: string, name: string): readonly Span[] {
  const spans: Span[] = []
  const [top] = parseTOML(text, { tomlVersion: 'latest' }).body
  const isIt = (path: readonly PropertyKey[]): boolean => path[0] === 'upstream' && path[1] === name
  for (const part of top.body) {
    const path = part.type === 'TOMLTable' ? part.resolvedKey : keyPath(part)
    if (isIt(path)) spans.push(wholeLines(text, part, part.type === 'TOMLTable'))
    else if (part.type === 'TOMLTable') {
      for (const inner of part.body) if (isIt([...path, ...keyPath(inner)])) spans.push(wholeLines(text, inner, false))
    }
  }
  return spans
}

function keyPath({ key }: AST.TOMLKeyValue): readonly string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))
}

/** From the start of its first line to the end of its last; of a table, with the empty lines that follow it. */
function wholeLines(text: string, { range }: AST.TOMLNode, isTable: boolean): Span {
  const start = text.lastIndexOf('\n', range[0] - 1) + 1
  const after = text.indexOf('\n', range[1])
  const end = after === -1 ? text.length : after + 1
  const empty = isTable ? (/^(?:\r?\n)*/.exec(text.slice(end))?.[0].length ?? 0) : 0
  return [start, end + empty]
}
