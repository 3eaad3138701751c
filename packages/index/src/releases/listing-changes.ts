import type { SimpleFile, SimpleProjectPage } from '@waxseal/packaging'
import { canonicalVersionKey, classifyDistribution, tryParseVersion } from '@waxseal/packaging'
import type { FileRow, NewFileRow } from '../store/schema.ts'

/** What one upstream says of one project. */
export interface Listing {
  readonly project: string
  readonly upstream: string
  readonly page: SimpleProjectPage
  /** The time of the answer, ISO 8601. */
  readonly at: string
  /** Whether files with a local version label are admitted (attacks.md DC-6). */
  readonly localVersions: boolean
  /** The good answer before this one, ISO 8601; absent: this is the first. */
  readonly lastChecked?: string | undefined
}

/** Something an upstream did to a file that was admitted from it; recorded, never obeyed (attacks.md UPS-REPL, UPS-DEL). */
export interface Anomaly {
  readonly kind: 'upstream-mutated' | 'upstream-metadata-mutated' | 'upstream-withdrawn' | 'upstream-returned'
  readonly file: Readonly<Record<string, string | null>> & { readonly filename: string }
}

export interface Change {
  readonly set: Partial<FileRow>
  readonly anomalies: readonly Anomaly[]
}

/** The sha256 that a listing gives for a file, lower-case; undefined when it gives none that is well formed. */
export function listedSha256(file: SimpleFile): string | undefined {
  const digest = file.sha256?.toLowerCase()
  return digest !== undefined && /^[0-9a-f]{64}$/.test(digest) ? digest : undefined
}

function yankColumns(file: SimpleFile): Pick<FileRow, 'yanked' | 'yanked_reason'> {
  if (file.yanked === false) return { yanked: 0, yanked_reason: null }
  return { yanked: 1, yanked_reason: typeof file.yanked === 'string' ? file.yanked : null }
}

function metadataColumns(file: SimpleFile): Pick<FileRow, 'has_metadata' | 'metadata_sha256'> {
  if (file.coreMetadata === undefined) return { has_metadata: 0, metadata_sha256: null }
  return { has_metadata: 1, metadata_sha256: file.coreMetadata === true ? null : file.coreMetadata.sha256 }
}

/** Labels that begin with `virtual` are ours to give, always; others are the upstream's where it may have any. */
function mayBeLabelled(version: string, localVersions: boolean): boolean {
  const label = tryParseVersion(version)?.local[0]
  if (label === undefined) return true
  return localVersions && !(typeof label === 'string' && label.startsWith('virtual'))
}

export function newRow(
  file: SimpleFile,
  { project, upstream: source, at, localVersions, lastChecked }: Omit<Listing, 'page'>,
): NewFileRow | undefined {
  const distribution = classifyDistribution(file.filename, project)
  if (distribution === undefined || !mayBeLabelled(distribution.version, localVersions)) return undefined
  const sha256 = listedSha256(file) ?? null
  return {
    project,
    source,
    filename: file.filename,
    filename_key: file.filename,
    version: distribution.version,
    version_key: versionKey(distribution.version),
    kind: distribution.kind,
    sha256,
    blake2b: null,
    md5: file.hashes?.get('md5')?.toLowerCase() ?? null,
    size: file.size ?? null,
    requires_python: file.requiresPython ?? null,
    ...metadataColumns(file),
    upload_time: file.uploadTime ?? at,
    age_from: ageFrom(file.uploadTime, at, lastChecked),
    upload_time_source: file.uploadTime === undefined ? 'first-seen' : 'upstream',
    first_seen_at: at,
    ...yankColumns(file),
    url: file.url,
    provenance_url: file.provenance ?? null,
    attestations_sha256: null,
    python_version: null,
    comment: null,
    uploaded_by: null,
    stored: 0,
    admitted_at: sha256 === null ? null : at,
    withdrawn_at: null,
    deleted_at: null,
  }
}

/**
 * When the age of a file begins (design.md section 8; attacks.md COOL-1): with its upload, unless this index has looked since, and has
 * not seen it.
 */
function ageFrom(uploadTime: string | undefined, at: string, lastChecked: string | undefined): string {
  if (uploadTime === undefined) return at
  const uploaded = Date.parse(uploadTime)
  const isBackdated = lastChecked !== undefined && uploaded < Date.parse(lastChecked)
  return isBackdated || !(uploaded < Date.parse(at)) ? at : uploadTime
}

/** Versions that do not parse are legal on old upstreams; each is then only equal to itself. */
function versionKey(version: string): string {
  const parsed = tryParseVersion(version)
  return parsed === undefined ? `raw:${version}` : canonicalVersionKey(parsed)
}

/**
 * What a listing may change of a file that is known. Its sha256 is kept for ever once admitted; the address follows
 * the upstream only while the digest is the same, since other bytes can never be served under the admitted one.
 */
export function changeOf(row: FileRow, file: SimpleFile): Change {
  const set: Partial<FileRow> = {}
  const anomalies: Anomaly[] = []
  const sha256 = listedSha256(file)
  const { filename } = row
  if (row.sha256 !== null && sha256 !== undefined && sha256 !== row.sha256) {
    anomalies.push({ kind: 'upstream-mutated', file: { filename, admitted: row.sha256, listed: sha256 } })
    return { set, anomalies }
  }
  if (row.withdrawn_at !== null) {
    set.withdrawn_at = null
    anomalies.push({ kind: 'upstream-returned', file: { filename, withdrawn: row.withdrawn_at } })
  }
  if (row.url !== file.url) set.url = file.url
  const metadata = metadataColumns(file)
  if (row.metadata_sha256 === null) {
    if (metadata.has_metadata !== row.has_metadata) set.has_metadata = metadata.has_metadata
    if (metadata.metadata_sha256 !== null) set.metadata_sha256 = metadata.metadata_sha256
  } else if (metadata.metadata_sha256 !== null && metadata.metadata_sha256 !== row.metadata_sha256) {
    const { metadata_sha256: admitted } = row
    anomalies.push({
      kind: 'upstream-metadata-mutated',
      file: { filename, admitted, listed: metadata.metadata_sha256 },
    })
  }
  const yank = yankColumns(file)
  if (yank.yanked !== row.yanked) set.yanked = yank.yanked
  if (yank.yanked_reason !== row.yanked_reason) set.yanked_reason = yank.yanked_reason
  if ((file.requiresPython ?? null) !== row.requires_python) set.requires_python = file.requiresPython ?? null
  if ((file.provenance ?? null) !== row.provenance_url) set.provenance_url = file.provenance ?? null
  // A size is only a claim until the file is here; one that was wrong must not outlive its correction.
  if (row.stored === 0 && file.size !== undefined && file.size !== row.size) set.size = file.size
  if (row.upload_time_source === 'first-seen' && file.uploadTime !== undefined) {
    set.upload_time = file.uploadTime
    set.upload_time_source = 'upstream'
  }
  return { set, anomalies }
}
