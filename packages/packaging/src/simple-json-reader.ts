import { checkJsonShape } from './json-shape.ts'
import { MAX_PRIVATE_KEYS, MAX_SIMPLE_FILES, MAX_SIMPLE_PAGE_BYTES, MAX_VERSION_LENGTH } from './limits.ts'
import { normalizeProjectName } from './project-name.ts'
import { checkApiVersion, invalid, SimplePageBuilder, tooMany } from './simple-page-builder.ts'
import type { PrivateKeys, SimpleContext, SimpleProjectPage, SimpleReading } from './simple-page.ts'

/** Our own pages hold relative links; they are checked as if the page stood here. */
const OWN_BASE = 'https://own.invalid/simple/project/'

/**
 * Reads an upstream's project page (PEP 691). Tolerant: a bad entry costs that entry, which `dropped` tells; links become
 * absolute. Strict on what concerns the whole page: JSON in UTF-8, API version 1 (attacks.md API-VER), the project that was asked
 * for (API-NAME). Keys of the page never become keys of our objects (API-PROTO), private ones with null prototype excepted.
 * @throws PackagingError `simple-page-invalid`, or `limit-exceeded`
 */
export function readSimpleJson(bytes: Uint8Array, context: SimpleContext): SimpleReading {
  return readPage(bytes, new SimplePageBuilder(context.baseUrl, { keepLinks: false }), context.project)
}

/**
 * Reads a page that `writeSimpleJson` wrote: nothing may be wrong with it, and links stay as they are. The input of
 * `renderSimpleHtml`.
 * @throws PackagingError `simple-page-invalid`
 */
export function parseSimpleJson(bytes: Uint8Array): SimpleProjectPage {
  const { page, dropped } = readPage(bytes, new SimplePageBuilder(OWN_BASE, { keepLinks: true }), undefined)
  const [first] = dropped
  if (first !== undefined) throw invalid(`${first.what}: ${first.reason}`)
  return page
}

function readPage(bytes: Uint8Array, builder: SimplePageBuilder, project: string | undefined): SimpleReading {
  const body = parseObject(bytes)
  const meta = own(body, 'meta')
  const apiVersion = checkApiVersion(isObject(meta) ? own(meta, 'api-version') : undefined)
  const name = readName(own(body, 'name'), project)
  const files = own(body, 'files')
  if (!Array.isArray(files)) throw invalid('it has no list of files')
  if (files.length > MAX_SIMPLE_FILES) throw tooMany('files')
  for (const file of files as readonly unknown[]) addFile(builder, file)
  const rawStatus = own(body, 'project-status')
  const status = isObject(rawStatus)
    ? builder.readStatus(own(rawStatus, 'status'), own(rawStatus, 'reason'))
    : builder.readStatus(rawStatus, undefined)
  const privateMeta = isObject(meta) ? privateKeys(meta) : undefined
  const extra = privateKeys(body)
  const page: SimpleProjectPage = {
    name,
    versions: readVersions(own(body, 'versions'), builder),
    files: builder.files,
    ...(status !== undefined && { status }),
    apiVersion,
    ...(privateMeta !== undefined && { meta: privateMeta }),
    ...(extra !== undefined && { extra }),
  }
  return { page, dropped: builder.dropped }
}

function parseObject(bytes: Uint8Array): object {
  if (bytes.length > MAX_SIMPLE_PAGE_BYTES) throw tooMany('bytes than a page may have, or')
  checkJsonShape(bytes)
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid('it is not JSON in UTF-8', { cause: error })
  }
  if (!isObject(body)) throw invalid('it is not an object')
  return body
}

/** An absent name is a server's sloppiness; another project's name is an attack or an accident (attacks.md API-NAME). */
function readName(value: unknown, project: string | undefined): string {
  if (value === undefined && project !== undefined) return project
  if (typeof value !== 'string') throw invalid('its name is not a string')
  if (project !== undefined && normalizeProjectName(value) !== project)
    throw invalid('it is the page of another project')
  return project ?? value
}

function addFile(builder: SimplePageBuilder, file: unknown): void {
  if (!isObject(file)) return builder.drop(file, 'the entry is not an object')
  const extra = privateKeys(file)
  builder.addFile({
    filename: own(file, 'filename') ?? null,
    url: own(file, 'url'),
    hashes: own(file, 'hashes'),
    requiresPython: own(file, 'requires-python'),
    size: own(file, 'size'),
    uploadTime: own(file, 'upload-time'),
    yanked: own(file, 'yanked'),
    coreMetadata: own(file, 'core-metadata') ?? own(file, 'dist-info-metadata') ?? own(file, 'data-dist-info-metadata'),
    provenance: own(file, 'provenance'),
    ...(extra !== undefined && { extra }),
  })
}

function readVersions(value: unknown, builder: SimplePageBuilder): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    builder.drop(value, 'versions is not a list')
    return []
  }
  if (value.length > MAX_SIMPLE_FILES) throw tooMany('versions')
  const versions = new Set<string>()
  for (const version of value as readonly unknown[]) {
    if (typeof version === 'string' && version.length <= MAX_VERSION_LENGTH && /^[\x21-\x7e]+$/.test(version)) {
      versions.add(version)
    } else builder.drop(version, 'the version is malformed')
  }
  return [...versions]
}

/** The keys that begin with one `_`: two would let `__proto__` in. */
function privateKeys(from: object): PrivateKeys | undefined {
  let found: Record<string, unknown> | undefined
  let count = 0
  for (const key in from) {
    if (key.charCodeAt(0) !== 0x5f || key.charCodeAt(1) === 0x5f || key.length > 64) continue
    count += 1
    if (count > MAX_PRIVATE_KEYS) break
    found ??= Object.create(null) as Record<string, unknown>
    found[key] = own(from, key)
  }
  return found
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Never what a prototype holds (attacks.md API-PROTO). */
function own(from: object, key: string): unknown {
  return Object.hasOwn(from, key) ? (from as Readonly<Record<string, unknown>>)[key] : undefined
}
