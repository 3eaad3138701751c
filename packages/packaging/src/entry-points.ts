import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { isInterpreterName } from './interpreter-name.ts'
import { MAX_ENTRY_POINTS_BYTES } from './limits.ts'

/** One entry point: `name = reference`, the reference as written (`module:object [extra]`). */
export interface EntryPoint {
  readonly group: string
  readonly name: string
  readonly reference: string
}

const SCRIPT_GROUPS: ReadonlySet<string> = new Set(['console_scripts', 'gui_scripts'])
const SCRIPT_NAME = /^[A-Za-z0-9_.-]+$/

// Every end of a line that Python's splitlines() knows and others do not, and the byte order mark that Python keeps.
const UNSAFE_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]/
// Alone it ends a line for importlib.metadata, and not for configparser or uv.
const LONE_CARRIAGE_RETURN = /\r[^\r\n]/
const HEADER = /^\[([^[\]]+)\]$/
// What configparser finds in it, it finds in every other group too.
const INHERITED_GROUP = 'DEFAULT'

/**
 * Reads entry_points.txt: INI with `=` only, `#` and `;` begin a comment line (entry points specification). pip reads it with
 * importlib.metadata, poetry and pdm with configparser, uv with a reader of its own: what is accepted has the same entries for all.
 * @throws PackagingError `metadata-invalid` for what they would refuse or read differently, for a script name that is
 *   not `[\w.-]+` (behaviour.md 1.4 Y) and for one that would overwrite an interpreter or leave its folder (attacks.md WHL-SCRIPT);
 *   `limit-exceeded`
 */
export function parseEntryPoints(text: string): readonly EntryPoint[] {
  if (text.length > MAX_ENTRY_POINTS_BYTES) {
    throw new PackagingError('limit-exceeded', `entry_points.txt is larger than ${MAX_ENTRY_POINTS_BYTES} bytes.`)
  }
  if (UNSAFE_CHARACTER.test(text)) throw invalid('it has a control character or an unusual end of a line')
  if (LONE_CARRIAGE_RETURN.test(text)) throw invalid('it has a carriage return inside a line')
  const entryPoints: EntryPoint[] = []
  const seen = new Set<string>()
  let group: string | undefined
  let optionIndent: number | undefined
  for (const line of text.split('\n')) {
    // Without the characters refused above this is what Python's strip() does; ASCII alone would leave ` [x]` after U+00A0.
    const content = line.trim()
    if (content === '' || content.startsWith('#')) continue
    if (content.startsWith(';')) {
      // importlib.metadata knows no such comment: it is an entry point there.
      if (content.includes('=')) throw invalid(`the comment ${excerpt(content)} is an entry point to some readers`)
      continue
    }
    const indent = line.search(/\S/)
    // configparser joins a line that is deeper than the option before it to its value; a string in setup.py is indented evenly.
    if (optionIndent !== undefined && indent > optionIndent) throw invalid(`the line ${excerpt(content)} is indented`)
    if (content.startsWith('[')) {
      group = readGroup(content, seen)
      optionIndent = undefined
    } else {
      if (group === undefined) throw invalid(`${excerpt(content)} stands before the first group`)
      entryPoints.push(readEntry(content, group, seen))
      optionIndent = indent
    }
  }
  return entryPoints
}

function readGroup(header: string, seen: Set<string>): string {
  const group = HEADER.exec(header)?.[1] ?? ''
  if (group.trim() !== group || group === '' || group === INHERITED_GROUP || seen.has(`[${group}]`)) {
    throw invalid(`the group ${excerpt(header)} is not well named or occurs twice`)
  }
  seen.add(`[${group}]`)
  return group
}

function readEntry(content: string, group: string, seen: Set<string>): EntryPoint {
  const equals = content.indexOf('=')
  const name = content.slice(0, Math.max(0, equals)).trim()
  const reference = content.slice(equals + 1).trim()
  if (equals < 1 || name === '' || reference === '')
    throw invalid(`${excerpt(content)} is not of the form name = reference`)
  if (SCRIPT_GROUPS.has(group)) refuseUnsafeScript(name)
  const key = `[${group}]${name}`
  if (seen.has(key)) throw invalid(`${excerpt(name)} occurs twice in ${excerpt(group)}`)
  seen.add(key)
  return { group, name, reference }
}

function refuseUnsafeScript(name: string): void {
  if (!SCRIPT_NAME.test(name) || name.startsWith('.') || name.startsWith('-') || name.endsWith('.')) {
    throw invalid(`${excerpt(name)} is not a valid name for a script`)
  }
  if (isInterpreterName(name)) throw invalid(`a script named ${excerpt(name)} would stand in for the interpreter`)
}

function invalid(reason: string): PackagingError {
  return new PackagingError('metadata-invalid', `entry_points.txt is not valid: ${reason}.`)
}
