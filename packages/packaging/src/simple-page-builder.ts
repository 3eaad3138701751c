import { withoutControlCharacters } from './control-characters.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_DROPPED_REPORTS, MAX_SIMPLE_FILES } from './limits.ts'
import { isText, SimpleFileReader } from './simple-file-reader.ts'
import type { RawSimpleFile } from './simple-file-reader.ts'
import type { DroppedEntry, SimpleFile, SimpleStatus, SimpleStatusName } from './simple-page.ts'

const STATUSES: readonly string[] = ['active', 'archived', 'quarantined', 'deprecated'] satisfies SimpleStatusName[]
const API_VERSION = /^([0-9]{1,4})\.[0-9]{1,4}$/

/** Collects what a reader finds on a page, and why it left something out. */
export class SimplePageBuilder {
  readonly files: SimpleFile[] = []
  readonly dropped: DroppedEntry[] = []
  readonly #reader: SimpleFileReader
  readonly #filenames = new Set<string>()
  #seen = 0

  constructor(baseUrl: string, options: { readonly keepLinks: boolean }) {
    this.#reader = new SimpleFileReader(baseUrl, options)
  }

  drop(what: unknown, reason: string): void {
    if (this.dropped.length >= MAX_DROPPED_REPORTS) return
    this.dropped.push({ what: typeof what === 'string' ? excerpt(what) : `(${typeof what})`, reason })
  }

  addFile(raw: RawSimpleFile): void {
    this.#seen += 1
    if (this.#seen > MAX_SIMPLE_FILES) throw tooMany('files')
    const name = raw.filename ?? raw.url
    const outcome = this.#reader.read(raw)
    if ('reason' in outcome) return this.drop(name, outcome.reason)
    if (outcome.warning !== undefined) this.drop(name, outcome.warning)
    // Which of two a client takes depends on the client.
    if (this.#filenames.has(outcome.file.filename)) return this.drop(name, 'the filename appears twice')
    this.#filenames.add(outcome.file.filename)
    this.files.push(outcome.file)
  }

  /** The status of a project; one that no standard knows is left out, which means active (as uv does). */
  readStatus(status: unknown, rawReason: unknown): SimpleStatus | undefined {
    if (status === undefined || status === null) return undefined
    if (typeof status !== 'string' || !STATUSES.includes(status)) {
      this.drop(status, 'project-status is unknown')
      return undefined
    }
    const known = status as SimpleStatusName
    const reason = typeof rawReason === 'string' ? withoutControlCharacters(rawReason) : ''
    return reason !== '' && isText(reason) ? { status: known, reason } : { status: known }
  }
}

/** Refuses a page of a later major version: what its keys mean is not known (PEP 629, attacks.md API-VER). */
export function checkApiVersion(version: unknown): string {
  if (version === undefined || version === null) return '1.0'
  if (typeof version !== 'string') throw invalid('its Simple API version is not a string')
  if (API_VERSION.exec(version)?.[1] !== '1') {
    throw invalid(`the Simple API version ${excerpt(version)} is not supported`)
  }
  return version
}

/** The refusal of a whole page. */
export function invalid(reason: string, options?: { readonly cause?: unknown }): PackagingError {
  return new PackagingError('simple-page-invalid', `The Simple API page is refused: ${reason}.`, options)
}

export function tooMany(what: string): PackagingError {
  return new PackagingError('limit-exceeded', `The Simple API page is refused: more than ${MAX_SIMPLE_FILES} ${what}.`)
}
