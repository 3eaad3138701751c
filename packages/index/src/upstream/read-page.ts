import type { DroppedEntry, SimpleFile, SimpleReading } from '@waxseal/packaging'
import { readSimpleJson } from '@waxseal/packaging'
import { readSimpleHtml } from '@waxseal/packaging/html'
import { IndexError } from '../error.ts'
import { MAX_DROPPED_FILES } from '../limits.ts'
import { mayFetch } from './origin-rules.ts'

/** What a page was answered as: its bytes, decoded, and where it stands. */
export interface ReceivedPage {
  readonly bytes: Uint8Array
  readonly contentType: string | undefined
  /** The final URL, after redirects. */
  readonly url: string
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const HTML_TYPES: ReadonlySet<string> = new Set(['application/vnd.pypi.simple.v1+html', 'text/html'])
/** What a page without files must say of itself to be believed: pip's own servers and PEP 503's example do. */
const SELF_DESCRIPTION = /pypi:repository-version|<title>\s{0,8}Links for/i
/** Every kind of file that indexes have ever listed. */
const DISTRIBUTION = /\.(?:whl|tar\.gz|tgz|zip|tar\.bz2|egg|exe|msi|rpm)$/i
const HEAD_LENGTH = 4096

/**
 * Reads a project's page in the form that its Content-Type names, and leaves out what may never be fetched (attacks.md
 * API-JSURL, API-SSRF). Throws IndexError `upstream-failed` or PackagingError where the page says nothing usable.
 */
export function readPage(received: ReceivedPage, project: string, configured: ReadonlySet<string>): SimpleReading {
  const { bytes, url } = received
  const context = { baseUrl: url, project }
  const form = formOf(received.contentType)
  if (form === 'json') return fetchableOnly(readSimpleJson(bytes, context), url, configured)
  if (form === 'other') {
    throw new IndexError('upstream-failed', 'The upstream answered with a content type that no project page has.')
  }
  const reading = readSimpleHtml(bytes, context)
  // A portal's or proxy's error page, 200 and text/html, must not pass for a project that lost all its files.
  if (!reading.page.files.some(({ filename }) => DISTRIBUTION.test(filename))) {
    const head = new TextDecoder().decode(bytes.subarray(0, HEAD_LENGTH))
    if (!SELF_DESCRIPTION.test(head)) {
      throw new IndexError('upstream-failed', 'The upstream answered with an HTML page that is not a project page.')
    }
  }
  return fetchableOnly(reading, url, configured)
}

/** The form of a page of the Simple API, by its Content-Type. */
export function formOf(contentType: string | undefined): 'json' | 'html' | 'other' {
  const type = contentType?.split(';')[0]?.trim().toLowerCase()
  if (type === JSON_TYPE) return 'json'
  return type !== undefined && HTML_TYPES.has(type) ? 'html' : 'other'
}

function fetchableOnly(reading: SimpleReading, base: string, configured: ReadonlySet<string>): SimpleReading {
  const files: SimpleFile[] = []
  const dropped: DroppedEntry[] = [...reading.dropped]
  for (const file of reading.page.files) {
    const permission = mayFetch(configured, file.url)
    if (permission.allowed) files.push(withFetchableProvenance(file, base, configured))
    else if (dropped.length < MAX_DROPPED_FILES) dropped.push({ what: file.filename, reason: permission.reason })
  }
  return { page: { ...reading.page, files }, dropped }
}

function withFetchableProvenance(file: SimpleFile, base: string, configured: ReadonlySet<string>): SimpleFile {
  const { provenance, ...rest } = file
  if (provenance === undefined) return file
  const permission = mayFetch(configured, provenance, base)
  return permission.allowed ? { ...rest, provenance: permission.url.href } : rest
}
