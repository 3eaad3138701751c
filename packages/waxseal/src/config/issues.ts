import type { z } from 'zod'
import { namesBelow } from './keys.ts'
import { didYouMean } from './nearest.ts'
import { dotted } from './problems.ts'

type Issue = z.core.$ZodIssue

/** What the schema found, in our words: one entry for each key. */
export interface Complaint {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Puts what zod says into sentences that name the remedy; an issue about several keys becomes several. */
export function complaintsOf(issue: Issue, above: readonly PropertyKey[] = []): readonly Complaint[] {
  const path = [...above, ...issue.path]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => ({ path: [...path, name], message: unknownKey(path.map(String), name) }))
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message }]
    case 'invalid_union':
      return ofUnion(issue.errors, path)
    case 'invalid_type':
      return [{ path, message: wrongType(issue.expected, issue.message) }]
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value)).join(' or ')
      return [{ path, message: `wants ${values}` }]
    }
    case 'too_small':
      return [{ path, message: issue.origin === 'number' ? `wants at least ${issue.minimum}` : emptyText(issue) }]
    case 'too_big':
      return [{ path, message: `wants at most ${issue.maximum}` }]
    default:
      return [{ path, message: issue.message }]
  }
}

function emptyText({ origin, message }: { readonly origin: string; readonly message: string }): string {
  return origin === 'array' ? 'wants at least one entry' : message
}

/** Of several types that would do, what is said of the one that comes nearest; else all their names. */
function ofUnion(branches: readonly (readonly Issue[])[], path: readonly PropertyKey[]): readonly Complaint[] {
  const near = branches.find((issues) => issues.some((issue) => issue.code !== 'invalid_type' || issue.path.length > 0))
  if (near !== undefined) return near.flatMap((issue) => complaintsOf(issue, path))
  const types = branches.flatMap((issues) =>
    issues.map((issue) => (issue.code === 'invalid_type' ? typeName(issue.expected) : issue.message)),
  )
  return [{ path, message: `wants ${types.join(' or ')}` }]
}

function unknownKey(table: readonly string[], name: string): string {
  const here = namesBelow(table) ?? []
  const top = namesBelow([]) ?? []
  // In TOML whatever follows a [table] belongs to it: the commonest slip of all.
  if (table.length > 0 && top.includes(name)) {
    return `there is no such key in [${dotted(table)}]; ${name} belongs to the top of the file, before any [table]`
  }
  return `there is no such key.${didYouMean(name, here)}`
}

function wrongType(expected: string, message: string): string {
  return message.endsWith('received undefined') ? 'is missing' : `wants ${typeName(expected)}`
}

function typeName(expected: string): string {
  switch (expected) {
    case 'string':
      return 'text in quotes'
    case 'int':
      return 'a whole number'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list in [ ]'
    case 'object':
    case 'record':
      return 'a table'
    default:
      return expected
  }
}
