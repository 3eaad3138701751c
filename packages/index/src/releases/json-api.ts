import { compareVersions, isPrerelease, tryParseVersion } from '@waxseal/packaging'
import type { CoreMetadata, Version } from '@waxseal/packaging'
import type { JudgedFile } from './judge-files.ts'
import { yankMark } from './page.ts'

/** Core metadata of one release, as far as it is known. */
export type ReleaseMetadata = Partial<CoreMetadata>

/** What one document of the JSON API is made of: rows of the published page's files, and metadata by version key. */
export interface JsonApiSource {
  readonly project: string
  readonly displayName: string
  readonly snapshot: number
  readonly files: readonly JudgedFile[]
  readonly metadata: ReadonlyMap<string, ReleaseMetadata>
  readonly releases: ReadonlyMap<string, string>
}

interface JsonFile {
  readonly [key: string]: unknown
}

/** `Label, URL` pairs as an object without a prototype: labels come from outside. */
function projectUrls(metadata: ReleaseMetadata): Record<string, string> | null {
  const urls: Record<string, string> = Object.create(null) as Record<string, string>
  for (const entry of metadata.projectUrls ?? []) {
    const comma = entry.indexOf(',')
    if (comma > 0) urls[entry.slice(0, comma).trim()] = entry.slice(comma + 1).trim()
  }
  return Object.keys(urls).length > 0 ? urls : null
}

function fileEntry(judged: JudgedFile, rootUrl: string): JsonFile {
  const { file } = judged
  const seconds = file.upload_time.slice(0, 19)
  return {
    comment_text: file.comment ?? '',
    'core-metadata': file.metadata_sha256 === null ? file.has_metadata === 1 : { sha256: file.metadata_sha256 },
    digests: {
      ...(file.blake2b === null ? {} : { blake2b_256: file.blake2b }),
      ...(file.md5 === null ? {} : { md5: file.md5 }),
      sha256: file.sha256,
    },
    downloads: -1,
    filename: file.filename,
    has_sig: false,
    md5_digest: file.md5,
    packagetype: file.kind === 'wheel' ? 'bdist_wheel' : 'sdist',
    python_version: file.python_version ?? (file.kind === 'wheel' ? 'py3' : 'source'),
    requires_python: file.requires_python,
    size: file.size,
    upload_time: seconds,
    upload_time_iso_8601: file.upload_time,
    url: `${rootUrl}files/${file.project}/${file.sha256}/${file.filename}`,
    yanked: isYanked(judged),
    yanked_reason: yankReason(judged),
  }
}

function isYanked({ file, withheld }: JudgedFile): boolean {
  return file.yanked === 1 || file.withdrawn_at !== null || withheld !== undefined
}

/** As on the page: a file that its upstream took back, or that is withheld, says so. */
function yankReason({ file, withheld }: JudgedFile): string | null {
  const mark = yankMark(file, withheld)
  return typeof mark === 'string' ? mark : null
}

/** Order of PyPI's "latest": not yanked before yanked, final before pre-release, newest first (behaviour.md 2.2). */
function byPreference(left: VersionFiles, right: VersionFiles): number {
  if (left.yanked !== right.yanked) return left.yanked ? 1 : -1
  const [a, b] = [left.parsed, right.parsed]
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  if (isPrerelease(a) !== isPrerelease(b)) return isPrerelease(a) ? 1 : -1
  return compareVersions(b, a)
}

interface VersionFiles {
  readonly version: string
  readonly key: string
  readonly parsed: Version | undefined
  readonly files: readonly JudgedFile[]
  readonly yanked: boolean
}

/** Every release, the preferred one first. */
function versionsOf(source: JsonApiSource): readonly VersionFiles[] {
  const groups = new Map<string, { version: string; files: JudgedFile[] }>()
  for (const [key, version] of source.releases) groups.set(key, { version, files: [] })
  for (const judged of source.files) {
    const { file } = judged
    const group = groups.get(file.version_key) ?? { version: file.version, files: [] }
    group.files.push(judged)
    groups.set(file.version_key, group)
  }
  const versions = [...groups].map(([key, { version, files }]) => ({
    key,
    version,
    parsed: tryParseVersion(version),
    files: files.sort((a, b) => (a.file.filename < b.file.filename ? -1 : 1)),
    yanked: files.length > 0 && files.every(isYanked),
  }))
  return versions.sort(byPreference)
}

function choose(versions: readonly VersionFiles[], version: string | undefined): VersionFiles | undefined {
  if (version === undefined) return versions[0]
  const wanted = tryParseVersion(version)
  return versions.find((entry) => {
    if (entry.parsed === undefined || wanted === undefined) return entry.version === version
    return compareVersions(entry.parsed, wanted) === 0
  })
}

/** The version key of the release that a document's `info` is about: `version`, or the latest. */
export function describedRelease(source: JsonApiSource, version: string | undefined): string | undefined {
  return choose(versionsOf(source), version)?.key
}

/**
 * The document of `/pypi/<project>/json`, or of one version of it (behaviour.md 2.2); undefined when there is no such
 * release. File addresses come out relative to the root of the index: the caller knows from where it is asked.
 */
export function jsonApiDocument(
  source: JsonApiSource,
  version: string | undefined,
  rootUrl: string,
): Record<string, unknown> | undefined {
  const versions = versionsOf(source)
  const chosen = choose(versions, version)
  if (chosen === undefined) return undefined
  const entries = (files: readonly JudgedFile[]): readonly JsonFile[] => files.map((file) => fileEntry(file, rootUrl))
  const document: Record<string, unknown> = {
    info: info(source, chosen, rootUrl),
    last_serial: source.snapshot,
    ownership: { organization: null, roles: [] },
    urls: entries(chosen.files),
    vulnerabilities: [],
  }
  if (version === undefined) {
    const releases: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    for (const entry of versions.toReversed()) releases[entry.version] = entries(entry.files)
    document['releases'] = releases
  }
  return document
}

function info(source: JsonApiSource, chosen: VersionFiles, rootUrl: string): Record<string, unknown> {
  const metadata = source.metadata.get(chosen.key) ?? {}
  const page = `${rootUrl}why/${source.project}`
  const reason = chosen.yanked ? (chosen.files.map(yankReason).find((text) => text !== null) ?? null) : null
  return {
    author: metadata.author ?? null,
    author_email: metadata.authorEmail ?? null,
    bugtrack_url: null,
    classifiers: metadata.classifiers ?? [],
    description: metadata.description ?? '',
    description_content_type: metadata.descriptionContentType ?? null,
    docs_url: null,
    download_url: metadata.downloadUrl ?? null,
    downloads: { last_day: -1, last_month: -1, last_week: -1 },
    dynamic: metadata.dynamic ?? [],
    home_page: metadata.homePage ?? null,
    keywords: metadata.keywords ?? null,
    license: metadata.license ?? null,
    license_expression: metadata.licenseExpression ?? null,
    license_files: metadata.licenseFiles ?? [],
    maintainer: metadata.maintainer ?? null,
    maintainer_email: metadata.maintainerEmail ?? null,
    name: source.displayName,
    package_url: page,
    platform: metadata.platforms?.join(',') || null,
    project_url: page,
    project_urls: projectUrls(metadata),
    provides_extra: metadata.providesExtra ?? [],
    release_url: `${page}/${chosen.version}`,
    requires_dist: metadata.requiresDist ?? [],
    requires_python: chosen.files.find(({ file }) => file.requires_python !== null)?.file.requires_python ?? null,
    summary: metadata.summary ?? null,
    version: chosen.version,
    yanked: chosen.yanked,
    yanked_reason: reason,
  }
}
