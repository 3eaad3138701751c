import { classifyDistribution, isSafeFilename } from './distribution-filename.ts'
import { excerpt } from './excerpt.ts'
import { isValidProjectName, normalizeProjectName } from './project-name.ts'
import { isSpecifierSet, isText } from './simple-file-reader.ts'
import { invalid } from './simple-page-builder.ts'
import type { PrivateKeys, SimpleFile, SimpleNamespace, SimpleProjectList, SimpleProjectPage } from './simple-page.ts'
import { isUploadTime } from './simple-upload-time.ts'
import { resolveSimpleUrl } from './simple-url.ts'
import { sortedJson, WrittenJson } from './sorted-json.ts'
import { canonicalVersionKey, compareVersions, tryParseVersion } from './version.ts'
import type { Version } from './version.ts'

const SHA256 = /^[0-9a-f]{64}$/
const OWN_BASE = 'https://own.invalid/simple/project/'

/**
 * Writes a project page as the Simple API's JSON: the same page gives the same bytes, in whatever order files and versions come
 * in (behaviour.md 2.1 and 7.3 no. 3). Nothing is written that a client could stumble over: no null but for namespaces, exactly one hash (attacks.md
 * HASH-ALG), no value that a client cannot parse (FN-POISON).
 *
 * The version is the least that its keys need (`simpleApiVersion`). Keys that came after 1.0 are written in a page without sizes as well:
 * clients must ignore what they do not know (PEP 691) and in fact go by the keys, so that leaving out upload times or a quarantine would
 * only take something from them.
 * @throws PackagingError `simple-page-invalid` for a page that breaks these rules: a bug of whoever made it
 */
export function writeSimpleJson(page: SimpleProjectPage): Uint8Array {
  return prepareSimpleJson(page)()
}

/**
 * The version of a page in JSON: 1.5 where it says something of namespaces (PEP 752) and 1.4 where not, if every file has its size, which 1.1
 * makes mandatory (PEP 700); else 1.0.
 */
export function simpleApiVersion({ files, namespaces }: Pick<SimpleProjectPage, 'files' | 'namespaces'>): string {
  if (files.some((file) => file.size === undefined)) return '1.0'
  return namespaces === undefined ? '1.4' : '1.5'
}

/** Writes a page that was checked already, with private keys of this time beside its own (PEP 691: `_…`). */
export type WritePage = (keys?: { readonly extra?: PrivateKeys; readonly meta?: PrivateKeys }) => Uint8Array

/**
 * Checks and orders a page once, to be written with different private keys: as `writeSimpleJson` does, whose errors it has.
 */
export function prepareSimpleJson(page: SimpleProjectPage): WritePage {
  if (!isValidProjectName(page.name) || normalizeProjectName(page.name) !== page.name) {
    throw invalid(`the name ${excerpt(page.name)} is not in normal form`)
  }
  const versions = sortVersions(page.versions)
  const files = sortFiles(page.files, page.name, versions)
  if (page.status?.reason !== undefined && !isText(page.status.reason))
    throw invalid('the reason of its status is too long, or not plain text')
  const meta = { ...checkPrivate(page.meta), 'api-version': simpleApiVersion(page) }
  const body = {
    ...checkPrivate(page.extra),
    files: new WrittenJson(files.map(fileObject)),
    name: page.name,
    namespaces: page.namespaces?.map(namespaceObject) ?? page.namespaces,
    'project-status': { status: page.status?.status ?? 'active', reason: page.status?.reason },
    versions: new WrittenJson(versions.map(({ text }) => text)),
  }
  return (keys = {}) => {
    const own = { ...body, ...checkPrivate(keys.extra), meta: { ...meta, ...checkPrivate(keys.meta) } }
    return Buffer.from(`${sortedJson(own)}\n`, 'utf8')
  }
}

/** Writes the list of projects as the Simple API's JSON, ordered by normalised name. Names may be display names. */
export function writeProjectListJson(list: SimpleProjectList): Uint8Array {
  const projects = sortProjects(list).map(({ name, extra }) => ({ ...checkPrivate(extra), name }))
  const body = { meta: { ...checkPrivate(list.meta), 'api-version': '1.4' }, projects }
  return Buffer.from(`${sortedJson(body)}\n`, 'utf8')
}

/** The projects of a list, each name checked, ordered by normal form; no project twice. */
export function sortProjects(list: SimpleProjectList): SimpleProjectList['projects'] {
  const byName = new Map<string, SimpleProjectList['projects'][number]>()
  for (const project of list.projects) {
    if (!isValidProjectName(project.name)) throw invalid(`the name ${excerpt(project.name)} is not valid`)
    const normalized = normalizeProjectName(project.name)
    if (byName.has(normalized)) throw invalid(`the project ${excerpt(normalized)} appears twice`)
    byName.set(normalized, project)
  }
  return [...byName].sort(([a], [b]) => compareText(a, b)).map(([, project]) => project)
}

interface SortedVersion {
  readonly text: string
  readonly version: Version | undefined
  readonly key: string
}

/** In the order of PEP 440; legacy spellings, which it cannot order, before all others. */
function sortVersions(versions: readonly string[]): readonly SortedVersion[] {
  const sorted = versions.map((text): SortedVersion => readVersion(text)).sort(compareSorted)
  for (const [index, version] of sorted.entries()) {
    if (index > 0 && sorted[index - 1]?.text === version.text) {
      throw invalid(`the version ${excerpt(version.text)} appears twice`)
    }
  }
  return sorted
}

function readVersion(text: string): SortedVersion {
  const version = tryParseVersion(text)
  return { text, version, key: version === undefined ? text : canonicalVersionKey(version) }
}

function compareSorted(a: SortedVersion, b: SortedVersion): number {
  if (a.version === undefined || b.version === undefined) {
    return Number(a.version !== undefined) - Number(b.version !== undefined) || compareText(a.text, b.text)
  }
  return compareVersions(a.version, b.version) || compareText(a.text, b.text)
}

/** By version and file name; what does not belong to the project, or to a version of the page, is a bug of the caller. */
function sortFiles(
  files: readonly SimpleFile[],
  project: string,
  versions: readonly SortedVersion[],
): readonly SimpleFile[] {
  const ranks = new Map<string, number>()
  // Spellings of one version (1.0 and 1.0.0) share a rank.
  for (const [rank, { key }] of versions.entries()) if (!ranks.has(key)) ranks.set(key, rank)
  const rankOfText = new Map<string, number | undefined>()
  const seen = new Set<string>()
  const ranked = files.map((file) => {
    if (seen.has(file.filename)) throw invalid(`the file ${excerpt(file.filename)} appears twice`)
    seen.add(file.filename)
    const text = classifyDistribution(file.filename, project)?.version
    if (text === undefined) throw invalid(`the file ${excerpt(file.filename)} does not belong to its project`)
    if (!rankOfText.has(text)) rankOfText.set(text, ranks.get(readVersion(text).key))
    const rank = rankOfText.get(text)
    if (rank === undefined) throw invalid(`the version of the file ${excerpt(file.filename)} is not listed`)
    return { file, rank }
  })
  return ranked.sort((a, b) => a.rank - b.rank || compareText(a.file.filename, b.file.filename)).map(({ file }) => file)
}

function namespaceObject({ name, owned }: SimpleNamespace): SimpleNamespace {
  if (!isValidProjectName(name) || normalizeProjectName(name) !== name) {
    throw invalid(`the namespace ${excerpt(name)} is not in normal form`)
  }
  return { name, owned }
}

function fileObject(file: SimpleFile): Readonly<Record<string, unknown>> {
  checkFile(file)
  return {
    ...checkPrivate(file.extra),
    'core-metadata': file.coreMetadata === true ? true : file.coreMetadata && { sha256: file.coreMetadata.sha256 },
    filename: file.filename,
    hashes: { sha256: file.sha256 },
    provenance: file.provenance,
    'requires-python': file.requiresPython,
    size: file.size,
    'upload-time': file.uploadTime,
    url: file.url,
    yanked: file.yanked,
  }
}

function checkFile(file: SimpleFile): void {
  const refuse = (reason: string): Error => invalid(`the file ${excerpt(file.filename)} ${reason}`)
  if (!isSafeFilename(file.filename)) throw refuse('has an unsafe name')
  if (file.sha256 === undefined || !SHA256.test(file.sha256)) throw refuse('has no sha256')
  if (file.url.includes('#') || resolveSimpleUrl(file.url, OWN_BASE)?.filename !== file.filename) {
    throw refuse('has a URL that does not end in its name')
  }
  if (file.requiresPython !== undefined && !isSpecifierSet(file.requiresPython)) {
    throw refuse('has a requires-python that cannot be parsed')
  }
  if (file.size !== undefined && (!Number.isSafeInteger(file.size) || file.size < 0)) throw refuse('has no valid size')
  if (file.uploadTime !== undefined && !isUploadTime(file.uploadTime)) throw refuse('has no valid upload time')
  if (typeof file.yanked === 'string' && (file.yanked === '' || !isText(file.yanked))) {
    throw refuse('has a reason for its yank that is empty, too long, or not plain text')
  }
  if (typeof file.coreMetadata === 'object' && !SHA256.test(file.coreMetadata.sha256)) {
    throw refuse('has no valid sha256 of its metadata')
  }
  if (file.provenance !== undefined && !isHttp(file.provenance)) throw refuse('has a provenance that is no link')
}

function checkPrivate(keys: PrivateKeys | undefined): PrivateKeys {
  for (const key of Object.keys(keys ?? {})) {
    if (!/^_[A-Za-z0-9-]/.test(key)) throw invalid(`the private key ${excerpt(key)} does not begin with one underscore`)
  }
  return keys ?? {}
}

function isHttp(link: string): boolean {
  const url = URL.parse(link, OWN_BASE)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:')
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
