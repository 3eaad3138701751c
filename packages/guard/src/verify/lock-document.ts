import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging/names'
import { parse } from 'smol-toml'
import { GuardError } from '../error.ts'
import { MAX_LOCK_BYTES, MAX_LOCK_DEPTH, MAX_LOCK_ENTRIES } from './limits.ts'
import type { GapCode, LockEntry, LockGap } from './lock-entry.ts'

export type LockTable = Readonly<Record<string, unknown>>

const UTF8 = new TextDecoder('utf-8', { fatal: true })
/** With quotes, as TOML and JSON write strings, or behind the colon of an algorithm. */
const HASH_IN_TEXT = /[:"'=]([0-9a-f]{64})\b/g
const NAME_IN_TEXT = /^[ \t]*name[ \t]*=[ \t]*["']([^"'\n]*)["']/gm

/** Throws GuardError `lock-unreadable` where a lock has more bytes than one may have. */
export function refuseLarge(bytes: Uint8Array, path: string): void {
  if (bytes.length > MAX_LOCK_BYTES) throw unreadable(path, `it has more than ${MAX_LOCK_BYTES} bytes`)
}

function lockText(bytes: Uint8Array, path: string): string {
  refuseLarge(bytes, path)
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw unreadable(path, 'it is not UTF-8', cause)
  }
}

/** What a gap of a lock that a tool made means; people's requirements say more. */
const GAP_REASONS: Readonly<Record<GapCode, string>> = {
  local: 'It is a folder beside the lock.',
  'not-locked': 'The lock binds it to no version. Lock it anew.',
  'other-source': 'It is built from a repository, and no index offers what that becomes. Take a release of it.',
  unhashed: 'The lock has no sha256 of it. Lock it anew.',
}

/** What stands in a lock, with the lines on which hashes and names stand, which its parser does not tell. */
export class LockDocument {
  readonly path: string
  readonly top: LockTable
  readonly #hashLines: ReadonlyMap<string, number>
  readonly #nameLines: ReadonlyMap<string, number>
  #entries = 0

  private constructor(path: string, text: string, top: unknown) {
    if (!isTable(top)) throw unreadable(path, 'it holds no table')
    this.path = path
    this.top = top
    this.#hashLines = linesOf(text, HASH_IN_TEXT)
    this.#nameLines = linesOf(text, NAME_IN_TEXT)
  }

  static fromToml(bytes: Uint8Array, path: string): LockDocument {
    const text = lockText(bytes, path)
    try {
      return new LockDocument(path, text, parse(text, { maxDepth: MAX_LOCK_DEPTH }))
    } catch (cause) {
      throw cause instanceof GuardError ? cause : unreadable(path, `it is not TOML (${firstLine(cause)})`, cause)
    }
  }

  static fromJson(bytes: Uint8Array, path: string): LockDocument {
    const text = lockText(bytes, path)
    let top: unknown
    try {
      top = JSON.parse(text)
    } catch (cause) {
      throw unreadable(path, 'it is not JSON', cause)
    }
    return new LockDocument(path, text, top)
  }

  /** A project's name in normal form. */
  project(table: LockTable): string {
    return this.projectName(textIn(table, 'name'))
  }

  projectName(name: string | undefined): string {
    if (name === undefined || !isValidProjectName(name)) {
      throw unreadable(this.path, `an entry has no valid project name (${JSON.stringify(name ?? '').slice(0, 100)})`)
    }
    return normalizeProjectName(name)
  }

  /**
   * The digest in `sha256:…`; undefined for another algorithm. What calls itself a sha256 and is none is refused: a client
   * that reads it in another way would install what was not looked at.
   */
  sha256(text: string): string | undefined {
    const [algorithm, digest = ''] = text.split(/:(.*)/s)
    if (algorithm !== 'sha256') return undefined
    if (!isSha256(digest)) throw unreadable(this.path, `${text.slice(0, 100)} is not a sha256`)
    return digest
  }

  lineOfHash(sha256: string): number | undefined {
    return this.#hashLines.get(sha256)
  }

  gap(code: GapCode, of: Pick<LockGap, 'project' | 'version'> & { readonly filename?: string }): LockGap {
    const line = of.project === undefined ? undefined : this.#nameLines.get(of.project)
    return { kind: 'gap', line, filename: undefined, ...of, code, reason: GAP_REASONS[code] }
  }

  /** Counts what a reader makes. Throws GuardError `lock-unreadable` where it is too much. */
  counted(entries: readonly LockEntry[]): readonly LockEntry[] {
    this.#entries += entries.length
    if (this.#entries > MAX_LOCK_ENTRIES) throw unreadable(this.path, `it has more than ${MAX_LOCK_ENTRIES} entries`)
    return entries
  }
}

export function isTable(value: unknown): value is LockTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

export function textIn(table: LockTable, key: string): string | undefined {
  const value = ownIn(table, key)
  return typeof value === 'string' ? value : undefined
}

export function tableIn(table: LockTable, key: string): LockTable | undefined {
  const value = ownIn(table, key)
  return isTable(value) ? value : undefined
}

/** The tables of a list; an absent list has none. */
export function tablesIn(table: LockTable, key: string): readonly LockTable[] {
  const value = ownIn(table, key)
  return Array.isArray(value) ? value.filter(isTable) : []
}

export function ownIn(table: LockTable, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

export function unreadable(path: string, why: string, cause?: unknown): GuardError {
  return new GuardError('lock-unreadable', `${path} cannot be read as a lock: ${why}. Make it anew.`, {
    cause,
    data: { path },
  })
}

/** The line of each text that the pattern finds, of several the first. Linear, also where all stands on one line. */
function linesOf(text: string, pattern: RegExp): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const lineEnd = (from: number) => {
    const at = text.indexOf('\n', from)
    return at === -1 ? text.length : at
  }
  let line = 1
  let end = lineEnd(0)
  for (const { index, 1: found = '' } of text.matchAll(pattern)) {
    for (; end < index; end = lineEnd(end + 1)) line += 1
    if (!lines.has(found)) lines.set(found, line)
  }
  return lines
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
