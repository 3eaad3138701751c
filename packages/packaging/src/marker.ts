import { MAX_NESTING_DEPTH } from './limits.ts'
import type { TextCursor } from './text-cursor.ts'

const VARIABLE =
  /(?:python_version|python_full_version|os[._]name|sys[._]platform|platform_release|platform_system|platform[._](?:version|machine|python_implementation)|python_implementation|implementation_(?:name|version)|extras?|dependency_groups)(?![A-Za-z0-9_])/y
// No backslash and no control character: PEP 508 has no escapes, but Python's reader would interpret them.
const STRING = /'[^'\\\0-\x1f\x7f]*'|"[^"\\\0-\x1f\x7f]*"/y
const OPERATOR = /===|==|~=|!=|<=|>=|<|>|in(?![A-Za-z0-9_])|not[ \t]+in(?![A-Za-z0-9_])/y
const BOOLEAN = /(?:and|or)(?![A-Za-z0-9_])/y

/**
 * Reads an environment marker (PEP 508) from the cursor on, as far as it goes.
 * Returns its normal spelling (single spaces, current names of the variables, double quotes where the string allows them), or
 * `undefined` if there is no well-formed marker or its parentheses nest deeper than {@link MAX_NESTING_DEPTH}.
 */
export function readMarker(cursor: TextCursor): string | undefined {
  const normal: string[] = []
  let depth = 0
  for (;;) {
    cursor.skipSpace()
    while (cursor.take(/\(/y) !== undefined) {
      depth += 1
      if (depth > MAX_NESTING_DEPTH) return undefined
      normal.push('(')
      cursor.skipSpace()
    }
    const comparison = readComparison(cursor)
    if (comparison === undefined) return undefined
    normal.push(comparison)
    cursor.skipSpace()
    while (depth > 0 && cursor.take(/\)/y) !== undefined) {
      depth -= 1
      normal.push(')')
      cursor.skipSpace()
    }
    const operator = cursor.take(BOOLEAN)
    if (operator === undefined) break
    normal.push(operator)
  }
  return depth === 0 ? normal.join(' ').replaceAll('( ', '(').replaceAll(' )', ')') : undefined
}

function readComparison(cursor: TextCursor): string | undefined {
  const left = readOperand(cursor)
  cursor.skipSpace()
  const operator = left === undefined ? undefined : cursor.take(OPERATOR)
  cursor.skipSpace()
  const right = operator === undefined ? undefined : readOperand(cursor)
  if (left === undefined || operator === undefined || right === undefined) return undefined
  return `${left} ${operator.replace(/[ \t]+/, ' ')} ${right}`
}

function readOperand(cursor: TextCursor): string | undefined {
  const variable = cursor.take(VARIABLE)
  if (variable !== undefined) {
    const current = variable.replaceAll('.', '_')
    return current === 'python_implementation' ? 'platform_python_implementation' : current
  }
  const quoted = cursor.take(STRING)
  return quoted === undefined || quoted.includes('"') ? quoted : `"${quoted.slice(1, -1)}"`
}
