import type { AST } from 'toml-eslint-parser'
import { parseTOML } from 'toml-eslint-parser'

/** Finds the line on which a key stands; for one that is not there, that of the nearest table around it. */
export function locator(text: string): (path: readonly PropertyKey[]) => number | undefined {
  const lines = new Map<string, number>()
  const note = (path: readonly PropertyKey[], { loc }: AST.TOMLNode): void => {
    const name = JSON.stringify(path.map(String))
    if (!lines.has(name)) lines.set(name, loc.start.line)
  }
  const [top] = parseTOML(text, { tomlVersion: 'latest' }).body
  for (const part of top.body) {
    if (part.type === 'TOMLKeyValue') noteValue(part, [], note)
    else {
      for (let depth = 1; depth <= part.resolvedKey.length; depth += 1) note(part.resolvedKey.slice(0, depth), part)
      for (const inner of part.body) noteValue(inner, part.resolvedKey, note)
    }
  }
  return (path) => {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const line = lines.get(JSON.stringify(path.slice(0, depth).map(String)))
      if (line !== undefined) return line
    }
    return undefined
  }
}

type Note = (path: readonly PropertyKey[], node: AST.TOMLNode) => void

function noteValue({ key, value }: AST.TOMLKeyValue, above: readonly PropertyKey[], note: Note): void {
  const path = [...above]
  for (const part of key.keys) {
    path.push(part.type === 'TOMLBare' ? part.name : part.value)
    note(path, part)
  }
  noteContent(value, path, note)
}

function noteContent(value: AST.TOMLContentNode, path: readonly PropertyKey[], note: Note): void {
  switch (value.type) {
    case 'TOMLArray':
      value.elements.forEach((element, at) => {
        note([...path, at], element)
        noteContent(element, [...path, at], note)
      })
      break
    case 'TOMLInlineTable':
      for (const inner of value.body) noteValue(inner, path, note)
      break
    case 'TOMLValue':
      break
  }
}
