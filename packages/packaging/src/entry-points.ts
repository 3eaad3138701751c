import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_ENTRY_POINTS_BYTES } from './limits.ts'

/** One entry point: `name = reference`, the reference as written (`module:object [extra]`). */
export interface EntryPoint {
  readonly group: string
  readonly name: string
  readonly reference: string
}

const SCRIPT_GROUPS: ReadonlySet<string> = new Set(['console_scripts', 'gui_scripts'])
const SCRIPT_NAME = /^[A-Za-z0-9_.-]+$/
// What would shadow the interpreter or another loader in the folder for scripts, on Windows and elsewhere.
const INTERPRETER = /^(?:python|pythonw|pypy|py|pyw)[0-9.]*t?(?:-config)?(?:\.(?:exe|com|bat|cmd|ps1|py|pyw))?$/i

/**
 * Reads entry_points.txt: INI with `=` only, `#` and `;` begin a comment line (entry points specification).
 * @throws PackagingError `metadata-invalid` for what Python's reader would refuse or read differently, for a script name that is
 *   not `[\w.-]+` (behaviour.md 1.4 Y) and for one that would overwrite an interpreter or leave its folder (attacks.md WHL-SCRIPT);
 *   `limit-exceeded`
 */
export function parseEntryPoints(text: string): readonly EntryPoint[] {
  if (text.length > MAX_ENTRY_POINTS_BYTES) {
    throw new PackagingError('limit-exceeded', `entry_points.txt is larger than ${MAX_ENTRY_POINTS_BYTES} bytes.`)
  }
  const entryPoints: EntryPoint[] = []
  const seen = new Set<string>()
  let group: string | undefined
  for (const line of text.split(/\r\n|\r|\n/)) {
    const content = line.trim()
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue
    const header = /^\[([^\]]*)\]$/.exec(content)
    if (header !== null) {
      group = readGroup(header[1] ?? '', seen)
    } else {
      if (group === undefined) throw invalid(`${excerpt(content)} stands before the first group`)
      // Python's configparser joins an indented line to the value before it.
      if (/^\s/.test(line) && entryPoints.length > 0) throw invalid(`the line ${excerpt(content)} is indented`)
      entryPoints.push(readEntry(content, group, seen))
    }
  }
  return entryPoints
}

function readGroup(group: string, seen: Set<string>): string {
  if (group.trim() !== group || group === '' || seen.has(`[${group}]`)) {
    throw invalid(`the group ${excerpt(group)} is not well named or occurs twice`)
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
  if (INTERPRETER.test(name)) throw invalid(`a script named ${excerpt(name)} would stand in for the interpreter`)
}

function invalid(reason: string): PackagingError {
  return new PackagingError('metadata-invalid', `entry_points.txt is not valid: ${reason}.`)
}
