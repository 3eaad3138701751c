import { hasControlCharacters, withoutControlCharacters } from './control-characters.ts'
import { isSafeFilename } from './distribution-filename.ts'
import { PackagingError } from './error.ts'
import { MAX_REASON_LENGTH, MAX_URL_LENGTH } from './limits.ts'
import type { PrivateKeys, SimpleFile } from './simple-page.ts'
import { normalizeUploadTime } from './simple-upload-time.ts'
import { resolveSimpleUrl } from './simple-url.ts'
import { parseSpecifierSet } from './specifier.ts'

/** What a page says of one file, before any of it is believed. `undefined` and `null` both mean "not said". */
export interface RawSimpleFile {
  /** Not said in HTML. */
  readonly filename?: unknown
  readonly url: unknown
  readonly hashes?: unknown
  readonly requiresPython?: unknown
  readonly size?: unknown
  readonly uploadTime?: unknown
  readonly yanked?: unknown
  readonly coreMetadata?: unknown
  readonly provenance?: unknown
  readonly extra?: PrivateKeys
}

const SHA256 = /^[0-9a-f]{64}$/
const HEX = /^[0-9a-f]{1,128}$/
/** The names that pip and uv know; pip fails at any other (behaviour.md 3.1). */
const HASH_NAMES: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'blake2b'])

/**
 * Believes one entry of a page, or says in a few words why not. What may stay away but is malformed costs the whole entry, because
 * a client may fail the whole page over it (attacks.md FN-POISON); only a requires-python that cannot be parsed is left out alone,
 * which is what pip makes of it. No text keeps a control character: reasons get spaces instead (attacks.md LOG). A reader lives for one page and remembers specifiers, of which a page has few.
 */
export class SimpleFileReader {
  readonly #baseUrl: string
  readonly #keepLinks: boolean
  readonly #specifiers = new Map<string, boolean>()

  /** `keepLinks`: the page is ours and its links stay as they are written. */
  constructor(baseUrl: string, options: { readonly keepLinks: boolean }) {
    this.#baseUrl = baseUrl
    this.#keepLinks = options.keepLinks
  }

  read(raw: RawSimpleFile): { readonly file: SimpleFile; readonly warning?: string } | { readonly reason: string } {
    if (typeof raw.url !== 'string') return { reason: 'url is not a string' }
    const url = resolveSimpleUrl(raw.url, this.#baseUrl)
    if (url === undefined) return { reason: 'url is not an http or https URL that ends in a file name' }
    if (raw.filename !== undefined && raw.filename !== url.filename) return { reason: 'filename differs from the url' }
    if (!isSafeFilename(url.filename)) return { reason: 'filename is not safe' }
    if (this.#keepLinks && raw.url.includes('#')) return { reason: 'url has a fragment' }

    const hashes = readHashes(raw.hashes, url.fragment)
    if (typeof hashes === 'string') return { reason: hashes }
    const size = raw.size ?? undefined
    if (size !== undefined && !isSize(size)) return { reason: 'size is not a number of bytes' }
    const uploadTime = typeof raw.uploadTime === 'string' ? normalizeUploadTime(raw.uploadTime) : undefined
    if (uploadTime === undefined && (raw.uploadTime ?? undefined) !== undefined) {
      return { reason: 'upload-time is not a time in UTC' }
    }
    const yanked = readYanked(raw.yanked)
    if (yanked === undefined) return { reason: 'yanked is neither a boolean nor a reason' }
    const coreMetadata = readCoreMetadata(raw.coreMetadata)
    if (coreMetadata === undefined) return { reason: 'core-metadata is malformed' }
    const provenance = raw.provenance ?? undefined
    if (provenance !== undefined && !isLink(provenance, this.#baseUrl)) return { reason: 'provenance is not a URL' }
    const isParsable = (raw.requiresPython ?? undefined) === undefined || this.#isSpecifier(raw.requiresPython)
    // White space may stand between clauses, line ends included.
    const requiresPython =
      typeof raw.requiresPython === 'string' && isParsable ? withoutControlCharacters(raw.requiresPython) : ''

    const sha256 = hashes.get('sha256')
    const file: SimpleFile = {
      filename: url.filename,
      url: this.#keepLinks ? raw.url : url.href,
      ...(sha256 !== undefined && { sha256 }),
      ...(hashes.size > 0 && { hashes }),
      // A set without a clause says nothing.
      ...(/[^\s,]/.test(requiresPython) && { requiresPython }),
      ...(size !== undefined && { size }),
      ...(uploadTime !== undefined && { uploadTime }),
      yanked,
      ...(coreMetadata !== false && { coreMetadata }),
      ...(provenance !== undefined && { provenance }),
      ...(raw.extra !== undefined && { extra: raw.extra }),
    }
    return isParsable ? { file } : { file, warning: 'requires-python cannot be parsed and is left out' }
  }

  #isSpecifier(value: unknown): boolean {
    if (typeof value !== 'string') return false
    let known = this.#specifiers.get(value)
    if (known === undefined) {
      known = isSpecifierSet(value)
      this.#specifiers.set(value, known)
    }
    return known
  }
}

/** Whether a text is a specifier set, the empty one included. */
export function isSpecifierSet(text: string): boolean {
  try {
    parseSpecifierSet(text)
    return true
  } catch (error) {
    if (error instanceof PackagingError) return false
    throw error
  }
}

/** Hashes of the object and of the URL's fragment together; a sha256 that is malformed or said twice differently is a refusal. */
function readHashes(value: unknown, fragment: string): ReadonlyMap<string, string> | string {
  const hashes = new Map<string, string>()
  if (typeof value === 'object' && value !== null) {
    // Looked up, because a page may name any number of others.
    for (const name of HASH_NAMES) {
      if (!Object.hasOwn(value, name)) continue
      const error = addHash(hashes, name, (value as Readonly<Record<string, unknown>>)[name])
      if (error !== undefined) return error
    }
  } else if (value !== undefined && value !== null) return 'hashes is not an object'
  for (const part of fragment.split('&', 8)) {
    const equals = part.indexOf('=')
    const error = equals < 0 ? undefined : addHash(hashes, part.slice(0, equals), part.slice(equals + 1))
    if (error !== undefined) return error
  }
  return hashes
}

function addHash(hashes: Map<string, string>, rawName: string, value: unknown): string | undefined {
  const name = rawName.toLowerCase()
  if (!HASH_NAMES.has(name)) return undefined
  const digest = typeof value === 'string' ? value.toLowerCase() : ''
  if (!(name === 'sha256' ? SHA256 : HEX).test(digest)) return name === 'sha256' ? 'sha256 is malformed' : undefined
  if ((hashes.get(name) ?? digest) !== digest) return 'two different hashes of one kind'
  hashes.set(name, digest)
  return undefined
}

/** An empty reason is falsy to pip and so means "not yanked" (standards.md 2.5); one of control characters alone is none. */
function readYanked(value: unknown): boolean | string | undefined {
  if (value === undefined || value === null || value === '') return false
  if (typeof value === 'string') {
    const reason = withoutControlCharacters(value)
    if (!isText(reason)) return undefined
    return reason === '' ? true : reason
  }
  return typeof value === 'boolean' ? value : undefined
}

/** `false` for "not there", `undefined` for what cannot be understood. Hashes other than sha256 say only that it exists. */
function readCoreMetadata(value: unknown): SimpleFile['coreMetadata'] | false | undefined {
  if (value === undefined || value === null || value === false) return false
  if (value === true) return true
  if (typeof value !== 'object') return undefined
  if (!Object.hasOwn(value, 'sha256')) return true
  const sha256: unknown = (value as { readonly sha256: unknown }).sha256
  if (typeof sha256 !== 'string') return undefined
  const lower = sha256.toLowerCase()
  return SHA256.test(lower) ? { sha256: lower } : undefined
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isLink(value: unknown, baseUrl: string): value is string {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH || !value.isWellFormed()) return false
  // `URL` overlooks some of them, but the link is relayed as it is written.
  if (hasControlCharacters(value)) return false
  const url = URL.parse(value, baseUrl)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:')
}

/** Whether a text from outside can be relayed: of bounded length, without half characters and control characters. */
export function isText(value: string): boolean {
  return value.length <= MAX_REASON_LENGTH && value.isWellFormed() && !hasControlCharacters(value)
}
