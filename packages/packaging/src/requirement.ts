import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_REQUIREMENT_LENGTH } from './limits.ts'
import { readMarker } from './marker.ts'
import { isValidProjectName, normalizeExtra, normalizeProjectName } from './project-name.ts'
import { formatSpecifierSet, parseSpecifierSet } from './specifier.ts'
import type { SpecifierSet } from './specifier.ts'
import { TextCursor } from './text-cursor.ts'

/** A dependency specifier (PEP 508). */
export interface Requirement {
  /** The project in normal form. */
  readonly name: string
  /** In normal form, sorted, each once. */
  readonly extras: readonly string[]
  /** Empty with a URL. */
  readonly specifier: SpecifierSet
  /** The direct reference after `@`, as written; it is not judged here. */
  readonly url?: string
  /** The environment marker in normal spelling. */
  readonly marker?: string
}

const IDENTIFIER = /[A-Za-z0-9](?:[A-Za-z0-9._-]*)/y
// What follows `===` may hold commas for this grammar, and is split at them like the rest afterwards: as Python does it.
const CLAUSE = /===[ \t]*[^\s;)]+|(?:==|~=|!=|<=|>=|<|>)[ \t]*[^\s,;)]+/y

/**
 * Reads a dependency specifier in linear time. Stricter than Python's `packaging` where that is loose: no control characters, no
 * backslash in a marker, names as projects are named.
 * @throws PackagingError `requirement-invalid`, also above {@link MAX_REQUIREMENT_LENGTH} characters
 */
export function parseRequirement(text: string): Requirement {
  const refuse = (reason: string): PackagingError =>
    new PackagingError('requirement-invalid', `${excerpt(text)} is not a dependency specifier: ${reason}.`)

  if (text.length > MAX_REQUIREMENT_LENGTH) throw refuse('it is too long')
  const cursor = new TextCursor(text)
  cursor.skipSpace()
  const name = cursor.take(IDENTIFIER)
  if (name === undefined || !isValidProjectName(name)) throw refuse('it does not begin with a project name')
  cursor.skipSpace()
  const extras = readExtras(cursor)
  if (extras === undefined) throw refuse('the extras are not well formed')
  cursor.skipSpace()

  let url: string | undefined
  let clauses = ''
  if (cursor.take(/@/y) !== undefined) {
    cursor.skipSpace()
    url = cursor.take(/[^\s\0-\x1f\x7f]+/y)
    if (url === undefined) throw refuse('there is no URL after @')
    if (!cursor.skipSpace() && !cursor.atEnd) throw refuse('there is no space after the URL')
  } else {
    const parenthesis = cursor.take(/\(/y) !== undefined
    clauses = readClauses(cursor)
    if (parenthesis && cursor.take(/\)/y) === undefined) throw refuse('a parenthesis is not closed')
    cursor.skipSpace()
  }

  let marker: string | undefined
  if (cursor.take(/;/y) !== undefined) {
    marker = readMarker(cursor)
    if (marker === undefined) throw refuse('the marker is not well formed')
  }
  if (!cursor.atEnd) throw refuse('it does not end where it should')
  return {
    name: normalizeProjectName(name),
    extras: [...new Set(extras.map(normalizeExtra))].sort(),
    specifier: readSpecifier(clauses, refuse),
    ...(url !== undefined && { url }),
    ...(marker !== undefined && { marker }),
  }
}

/** The normal spelling of a requirement, equal for two that differ in formatting only. */
export function formatRequirement(requirement: Requirement): string {
  const extras = requirement.extras.length === 0 ? '' : `[${requirement.extras.join(',')}]`
  const url = requirement.url === undefined ? '' : ` @ ${requirement.url}`
  // Without the space the semicolon would belong to the URL.
  const marker = requirement.marker === undefined ? '' : `${url === '' ? '' : ' '}; ${requirement.marker}`
  return `${requirement.name}${extras}${formatSpecifierSet(requirement.specifier)}${url}${marker}`
}

function readExtras(cursor: TextCursor): readonly string[] | undefined {
  if (cursor.take(/\[/y) === undefined) return []
  const extras: string[] = []
  cursor.skipSpace()
  if (cursor.take(/\]/y) !== undefined) return extras
  for (;;) {
    cursor.skipSpace()
    const extra = cursor.take(IDENTIFIER)
    if (extra === undefined || !isValidProjectName(extra)) return undefined
    extras.push(extra)
    cursor.skipSpace()
    if (cursor.take(/\]/y) !== undefined) return extras
    if (cursor.take(/,/y) === undefined) return undefined
  }
}

function readClauses(cursor: TextCursor): string {
  const clauses: string[] = []
  for (;;) {
    cursor.skipSpace()
    const clause = cursor.take(CLAUSE)
    if (clause === undefined) break
    clauses.push(clause)
    cursor.skipSpace()
    if (cursor.take(/,/y) === undefined) break
  }
  return clauses.join(',')
}

function readSpecifier(clauses: string, refuse: (reason: string) => PackagingError): SpecifierSet {
  try {
    return parseSpecifierSet(clauses)
  } catch (error) {
    if (error instanceof PackagingError) throw refuse('the version specifier is not valid')
    throw error
  }
}
