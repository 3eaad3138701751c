import { Token } from 'parse5'
import { HtmlTags } from './html-tags.ts'
import { MAX_SIMPLE_FILES, MAX_SIMPLE_PAGE_BYTES } from './limits.ts'
import type { RawSimpleFile } from './simple-file-reader.ts'
import { checkApiVersion, invalid, SimplePageBuilder, tooMany } from './simple-page-builder.ts'
import type { SimpleContext, SimpleReading } from './simple-page.ts'

export { HtmlProjectList } from './project-list-html-reader.ts'

const METAS: ReadonlySet<string> = new Set([
  'pypi:repository-version',
  'pypi:project-status',
  'pypi:project-status-reason',
])
const DIGITS = /^[0-9]{1,15}$/

/**
 * Reads an upstream's project page in HTML (PEP 503, 592, 629, 658, 714, 740, 792), as tolerant as `readSimpleJson`. An entry is
 * any `<a href>`; its name is the last segment of the URL, never the text, as pip does it.
 * @throws PackagingError `simple-page-invalid`, or `limit-exceeded`
 */
export function readSimpleHtml(page: Uint8Array | string, context: SimpleContext): SimpleReading {
  if (page.length > MAX_SIMPLE_PAGE_BYTES) throw tooMany('bytes than a page may have, or')
  const html = typeof page === 'string' ? page : new TextDecoder('utf-8').decode(page)
  const found = collectTags(html)
  const base = found.base === undefined ? context.baseUrl : resolveBase(found.base, context.baseUrl)
  const builder = new SimplePageBuilder(base, { keepLinks: false })
  const apiVersion = checkApiVersion(found.metas.get('pypi:repository-version'))
  for (const file of found.files) builder.addFile(file)
  const status = builder.readStatus(
    found.metas.get('pypi:project-status'),
    found.metas.get('pypi:project-status-reason'),
  )
  return {
    page: {
      name: context.project,
      versions: [],
      files: builder.files,
      ...(status !== undefined && { status }),
      apiVersion,
    },
    dropped: builder.dropped,
  }
}

interface FoundTags {
  readonly files: RawSimpleFile[]
  readonly metas: Map<string, string>
  base: string | undefined
}

function collectTags(html: string): FoundTags {
  const found: FoundTags = { files: [], metas: new Map(), base: undefined }
  new HtmlTags((token) => addTag(found, token)).write(html, true)
  return found
}

function addTag(found: FoundTags, token: Token.TagToken): void {
  switch (token.tagName) {
    case 'a':
      if (Token.getTokenAttr(token, 'href') === null) break
      if (found.files.length >= MAX_SIMPLE_FILES) throw tooMany('files')
      found.files.push(readAnchor(new Map(token.attrs.map(({ name, value }) => [name, value]))))
      break
    case 'base':
      found.base ??= Token.getTokenAttr(token, 'href') ?? undefined
      break
    case 'meta': {
      const name = Token.getTokenAttr(token, 'name')?.toLowerCase() ?? ''
      const content = Token.getTokenAttr(token, 'content')
      if (METAS.has(name) && content !== null && !found.metas.has(name)) found.metas.set(name, content)
      break
    }
    default:
  }
}

function resolveBase(base: string, pageUrl: string): string {
  const url = URL.parse(base, pageUrl)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('its <base> is not an http URL')
  return url.href
}

function readAnchor(attributes: ReadonlyMap<string, string>): RawSimpleFile {
  const yanked = attributes.get('data-yanked')
  const size = attributes.get('data-size')
  return {
    url: attributes.get('href')?.trim(),
    requiresPython: attributes.get('data-requires-python'),
    // Its presence yanks, with or without a reason (PEP 592).
    yanked: yanked === '' ? true : yanked,
    coreMetadata: readMetadataAttribute(
      attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata'),
    ),
    provenance: attributes.get('data-provenance'),
    size: size !== undefined && DIGITS.test(size) ? Number(size) : size,
    uploadTime: attributes.get('data-upload-time'),
  }
}

/** `true`, `alg=hex`; some servers write `false` or nothing for "no" (standards.md 2.6). */
function readMetadataAttribute(value: string | undefined): unknown {
  if (value === undefined || value === '' || value === 'false') return undefined
  if (value === 'true') return true
  return value.startsWith('sha256=') ? { sha256: value.slice('sha256='.length) } : value.includes('=') ? true : value
}
