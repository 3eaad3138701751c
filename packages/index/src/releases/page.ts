import { hash } from 'node:crypto'
import type { SimpleFile, SimpleProjectPage } from '@waxseal/packaging'
import { normalizeUploadTime, prepareSimpleJson } from '@waxseal/packaging'
import type { FileRow, ProjectStatus } from '../store/schema.ts'

/** Everything a project's page is made of: nothing else may have a say, so that the same rows give the same bytes. */
export interface PageSource {
  readonly project: string
  readonly status: ProjectStatus
  readonly statusReason: string | null
  /** The files of the one source that answers for the name, in any order. */
  readonly files: readonly FileRow[]
}

/** Where a page stands in the chain of snapshots (design.md section 7: `_waxseal`). */
export interface PagePosition {
  readonly snapshot: number
  /** sha256 of the project's previous page bytes; null for its first. */
  readonly prev: string | null
}

/** The path of a file relative to its project page: page bytes hold nothing about a host (design.md section 6). */
export function fileUrl(project: string, sha256: string, filename: string): string {
  return `../../files/${project}/${sha256}/${filename}`
}

/** Why a known file is not offered as its source offers it; undefined: it is. */
export function withheldBecause(file: FileRow): 'deleted' | 'unhashed' | 'withdrawn' | undefined {
  if (file.deleted_at !== null) return 'deleted'
  if (file.sha256 === null) return 'unhashed'
  if (file.withdrawn_at !== null && file.stored === 0) return 'withdrawn'
  return undefined
}

/** What the page says of a file's yank (PEP 592): a reason, true without one, false for none. */
export function yankMark(file: FileRow): boolean | string {
  if (file.withdrawn_at !== null) {
    return `No longer offered by ${file.source} since ${file.withdrawn_at.slice(0, 10)}; kept here for existing locks`
  }
  if (file.yanked === 0) return false
  return file.yanked_reason === null || file.yanked_reason === '' ? true : file.yanked_reason
}

function pageFile(file: FileRow, sha256: string): SimpleFile {
  const url = fileUrl(file.project, sha256, file.filename)
  // Stored with milliseconds; Python 3.10 reads 0 or 6 digits of a second only (behaviour.md 3.4).
  const uploadTime = normalizeUploadTime(file.upload_time)
  const coreMetadata =
    file.has_metadata === 0 ? undefined : file.metadata_sha256 === null ? true : { sha256: file.metadata_sha256 }
  return {
    filename: file.filename,
    url,
    sha256,
    yanked: yankMark(file),
    ...(uploadTime === undefined ? {} : { uploadTime }),
    ...(file.requires_python === null ? {} : { requiresPython: file.requires_python }),
    ...(file.size === null ? {} : { size: file.size }),
    ...(coreMetadata === undefined ? {} : { coreMetadata }),
    ...(file.provenance_url === null ? {} : { provenance: `${url}.provenance` }),
  }
}

/** The page as data, without its position. A quarantined project offers nothing (PEP 792; attacks.md API-STATUS). */
export function projectPage(source: PageSource): SimpleProjectPage {
  const files: SimpleFile[] = []
  const versions = new Set<string>()
  for (const file of source.status === 'quarantined' ? [] : source.files) {
    if (file.sha256 === null || withheldBecause(file) !== undefined) continue
    files.push(pageFile(file, file.sha256))
    versions.add(file.version)
  }
  return {
    name: source.project,
    files,
    versions: [...versions],
    status: { status: source.status, ...(source.statusReason === null ? {} : { reason: source.statusReason }) },
    // PEP 700: a page without a file's size may not call itself 1.1 or later.
    apiVersion: files.every((file) => file.size !== undefined) ? '1.4' : '1.0',
  }
}

/** A page that is rendered but for its place in the chain of snapshots. */
export interface RenderedPage {
  /** Digest of what the page says, wherever it stands: equal to the published one means there is nothing to publish. */
  readonly content: string
  /** The page's bytes at its position: the body that is published, stored by its hash and (later) signed. */
  readonly bytesAt: (position: PagePosition) => Uint8Array
}

/** Throws PackagingError for a page that breaks a rule of its format. */
export function renderPage(page: SimpleProjectPage): RenderedPage {
  const write = prepareSimpleJson(page)
  return {
    content: hash('sha256', write()),
    bytesAt: ({ snapshot, prev }) =>
      write({ meta: { '_last-serial': snapshot }, extra: { _waxseal: { snapshot, prev } } }),
  }
}
