import type { Problem, Source } from './problems.ts'

/** A value that options or environment give for one key. */
export interface Setting {
  readonly path: readonly string[]
  readonly value: unknown
  readonly source: Source
}

/** What a source says, and what of it cannot be read. */
export interface Overlay {
  readonly settings: Setting[]
  readonly problems: Problem[]
}

type Table = Record<string, unknown>

const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `values` with each of `settings` in its place; later ones win. Nothing that was handed in is changed. */
export function overlaid(values: unknown, settings: readonly Setting[]): Table {
  const whole = copyOf(values)
  for (const { path, value } of settings) {
    let table = whole
    for (const name of path.slice(0, -1)) {
      const inner = copyOf(table[name])
      table[name] = inner
      table = inner
    }
    const last = path.at(-1)
    if (last !== undefined) table[last] = value
  }
  return whole
}

/** `values` without what stands at `paths`, for going on with the rest. */
export function without(values: Table, paths: readonly (readonly PropertyKey[])[]): Table {
  let rest = values
  for (const [first, ...below] of paths) {
    if (first === undefined) return copyOf(undefined)
    const name = String(first)
    const inner = rest[name]
    const { [name]: _gone, ...others } = rest
    // An entry of a list that is wrong takes the list with it.
    rest = copyOf(below.length > 0 && isTable(inner) ? { ...others, [name]: without(inner, [below]) } : others)
  }
  return rest
}

/** Names come from a file: no object that has a prototype gets them (attacks.md API-PROTO). */
function copyOf(value: unknown): Table {
  const copy = Object.create(null) as Table
  return isTable(value) ? Object.assign(copy, value) : copy
}
