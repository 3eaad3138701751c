import { hash } from 'node:crypto'
import { GuardError } from './error.ts'

/**
 * What is decided about a name (design.md sections 7 and 8), as far as it binds what the guard lets through.
 */
export interface NameRecord {
  readonly name: string
  /** Counts the decisions about the name; an older one than was seen is never taken (attacks.md RB-POL). */
  readonly rev: number
  readonly authority: 'internal' | 'upstream' | 'merged'
  /** Where files may come from: the `_source` of each file of the page must stand here. */
  readonly sources: readonly string[]
}

const AUTHORITIES: readonly unknown[] = ['internal', 'upstream', 'merged'] satisfies NameRecord['authority'][]
const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'rev',
  'authority',
  'sources',
  'prev',
  'since',
  'reason',
  'decidedBy',
])

/** Which shard of names a project is in: the first two hexadecimal digits of its sha256 (design.md section 7). */
export function shardOf(project: string): string {
  return hash('sha256', project).slice(0, 2)
}

/** The target of a project's record. */
export function recordTarget(project: string): string {
  return `names/${shardOf(project)}/${project}.json`
}

/** The target by which developers vouch for one of their files. */
export function developerTarget(project: string, filename: string): string {
  return `projects/${shardOf(project)}/${project}/${filename}`
}

/**
 * Reads a record that was found signed. One that says more than this guard understands is refused whole: what it leaves out could be
 * what protects the name.
 * @throws GuardError `name-refused`
 */
export function readNameRecord(project: string, bytes: Uint8Array): NameRecord {
  let read: unknown
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refused(project, 'is not JSON', cause)
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw refused(project, 'is not an object')
  const record = new Map<string, unknown>(Object.entries(read))
  const unknown = [...record.keys()].find((key) => !KNOWN.has(key))
  if (unknown !== undefined)
    throw refused(project, `says "${unknown.slice(0, 40)}", which this guard does not understand`)
  const rev = record.get('rev')
  const authority = record.get('authority')
  const sources = record.get('sources')
  if (record.get('name') !== project) throw refused(project, 'is of another name')
  if (typeof rev !== 'number' || !Number.isSafeInteger(rev) || rev < 1) throw refused(project, 'has no revision')
  if (!AUTHORITIES.includes(authority)) {
    throw refused(
      project,
      `names the authority ${JSON.stringify(authority)?.slice(0, 40)}, which this guard does not know`,
    )
  }
  if (!Array.isArray(sources) || !sources.every((source) => typeof source === 'string')) {
    throw refused(project, 'has no list of sources')
  }
  return { name: project, rev, authority: authority as NameRecord['authority'], sources }
}

function refused(project: string, what: string, cause?: unknown): GuardError {
  return new GuardError(
    'name-refused',
    `The record of ${project} ${what}: nothing of this name is let through. A newer waxseal may know it.`,
    { cause },
  )
}
