import { PackagingError } from './error.ts'

const MAX_DEPTH = 32

/** A value that is in this form already, to be put in as it is. */
export class WrittenJson {
  readonly text: string

  constructor(value: unknown) {
    this.text = sortedJson(value)
  }
}

/**
 * JSON with the keys of every object in code unit order, no white space, and characters as they are: the same data gives the same
 * bytes, whatever order it was put together in (behaviour.md 7.3 no. 3). Members that are `undefined` are left out.
 * @throws PackagingError `simple-page-invalid` for what JSON cannot say: other types, numbers beyond 2^53, half characters
 */
export function sortedJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw refuse('it is nested too deeply')
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw refuse('a text is not well-formed Unicode')
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw refuse('a number is not finite')
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (value instanceof WrittenJson) return value.text
      if (Array.isArray(value)) return `[${value.map((item) => sortedJson(item, depth + 1)).join(',')}]`
      return sortedObject(value as Readonly<Record<string, unknown>>, depth)
    default:
      throw refuse(`a ${typeof value} has no place in JSON`)
  }
}

function sortedObject(value: Readonly<Record<string, unknown>>, depth: number): string {
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    if (value[key] !== undefined) members.push(`${sortedJson(key, depth + 1)}:${sortedJson(value[key], depth + 1)}`)
  }
  return `{${members.join(',')}}`
}

function refuse(reason: string): PackagingError {
  return new PackagingError('simple-page-invalid', `The data cannot be written as JSON: ${reason}.`)
}
