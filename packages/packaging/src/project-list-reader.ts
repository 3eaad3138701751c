import { PackagingError } from './error.ts'
import { MAX_LISTED_PROJECT_BYTES, MAX_LISTED_PROJECTS } from './limits.ts'
import { isValidProjectName, normalizeProjectName } from './project-name.ts'
import { checkApiVersion, invalid } from './simple-page-builder.ts'

/**
 * Reads the list of all projects of an index, which is long (PyPI's: 30 MB), as it comes, holding no more than a piece of it.
 * Names are given back in normal form, one that is none is left out. Both methods throw PackagingError
 * `simple-page-invalid`, or `limit-exceeded`.
 */
export interface ProjectListReader {
  /** The names that this piece completes. */
  push(piece: Uint8Array): readonly string[]
  /** Nothing follows: throws unless the list was whole. */
  end(): void
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** Objects and lists around an entry: the document, and `projects`. */
const ENTRIES_DEPTH = 2
const PROJECTS_KEY = /"projects"\s{0,16}:\s{0,16}$/

/**
 * A list in JSON (PEP 691). Where the entries of `projects` are is found by counting brackets; they, and all that stands
 * around them, are each given to `JSON.parse`, so that what is no JSON does not pass for any.
 */
export class JsonProjectList implements ProjectListReader {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })
  readonly #counter = new NameCounter()
  /** The document without the entries. */
  #frame = ''
  /** Bytes from the beginning of what was not yet given to a parser. */
  #rest: Uint8Array = new Uint8Array()
  #depth = 0
  #inString = false
  #escaped = false
  #inEntries = false
  #beforeFirst = false

  push(piece: Uint8Array): readonly string[] {
    const kept = this.#rest.length
    const bytes = kept === 0 ? piece : Buffer.concat([this.#rest, piece])
    const names: string[] = []
    let from = 0
    let entriesEnd = 0
    for (let at = kept; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (byte === BACKSLASH) this.#escaped = true
        else if (byte === QUOTE) this.#inString = false
        continue
      }
      if (byte === QUOTE) this.#inString = true
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#depth += 1
        if (byte !== OPEN_LIST || this.#depth !== ENTRIES_DEPTH) continue
        this.#addToFrame(bytes.subarray(from, at + 1))
        from = at + 1
        if (!PROJECTS_KEY.test(this.#frame.slice(-64, -1))) continue
        this.#inEntries = true
        this.#beforeFirst = true
        entriesEnd = from
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#depth -= 1
        if (!this.#inEntries) continue
        if (this.#depth === ENTRIES_DEPTH) entriesEnd = at + 1
        if (this.#depth >= ENTRIES_DEPTH) continue
        this.#readEntries(bytes.subarray(from, at), names)
        this.#inEntries = false
        from = at
      }
    }
    if (this.#inEntries && entriesEnd > from) {
      this.#readEntries(bytes.subarray(from, entriesEnd), names)
      from = entriesEnd
    }
    this.#rest = Uint8Array.from(bytes.subarray(from))
    if (this.#rest.length > MAX_LISTED_PROJECT_BYTES) throw tooLong()
    return names
  }

  end(): void {
    this.#addToFrame(this.#rest)
    const frame = parse(this.#frame)
    if (typeof frame !== 'object' || frame === null) throw invalid('it is not an object')
    const { meta, projects } = frame as { readonly meta?: unknown; readonly projects?: unknown }
    if (!Array.isArray(projects)) throw invalid('it has no list of projects')
    const known = typeof meta === 'object' && meta !== null ? (meta as { readonly 'api-version'?: unknown }) : {}
    checkApiVersion(known['api-version'])
  }

  #addToFrame(bytes: Uint8Array): void {
    this.#frame += this.#decoded(bytes)
    if (this.#frame.length > MAX_LISTED_PROJECT_BYTES) throw tooLong()
  }

  /** `bytes` is whole entries, with the comma before the first where others came before. */
  #readEntries(bytes: Uint8Array, names: string[]): void {
    const text = this.#decoded(bytes).trim()
    if (text === '') return
    const entries = parse(this.#beforeFirst ? `[${text}]` : `[0${text}]`) as readonly unknown[]
    for (const entry of this.#beforeFirst ? entries : entries.slice(1)) {
      const isEntry = typeof entry === 'object' && entry !== null
      this.#counter.add(isEntry ? (entry as { readonly name?: unknown }).name : undefined, names)
    }
    this.#beforeFirst = false
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes)
    } catch (error) {
      throw invalid('it is not JSON in UTF-8', { cause: error })
    }
  }
}

/** Adds names to a list, in normal form, and keeps to how many there may be. */
export class NameCounter {
  #count = 0

  add(name: unknown, names: string[]): void {
    this.#count += 1
    if (this.#count > MAX_LISTED_PROJECTS) {
      throw new PackagingError(
        'limit-exceeded',
        `The project list is refused: more than ${MAX_LISTED_PROJECTS} projects.`,
      )
    }
    if (typeof name === 'string' && isValidProjectName(name)) names.push(normalizeProjectName(name))
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw invalid('it is not JSON in UTF-8', { cause: error })
  }
}

function tooLong(): PackagingError {
  const reason = `an entry, or what stands beside the entries, has more than ${MAX_LISTED_PROJECT_BYTES} bytes`
  return new PackagingError('limit-exceeded', `The project list is refused: ${reason}.`)
}
