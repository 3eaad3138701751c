import { hash } from 'node:crypto'
import type { SimpleFile, SimpleNamespace, SimpleProjectPage } from '@waxseal/packaging'
import { normalizeUploadTime, prepareSimpleJson, simpleApiVersion } from '@waxseal/packaging'
import type { FileRow } from '../store/schema.ts'
import { judgeFiles } from './judge-files.ts'
import type { Offering, Withheld } from './judge-files.ts'
import { askFor } from './way-out.ts'

/** Everything a project's page is made of: nothing else may have a say, so that the same rows give the same bytes. */
export interface PageSource {
  readonly offering: Offering
  /** The files of the sources that answer for the name, in any order. */
  readonly files: readonly FileRow[]
  /** Milliseconds since 1970: what has to wait is judged by it. */
  readonly now: number
  /** Those that cover it, as the page tells them (PEP 752); absent: nothing is said of them. */
  readonly namespaces?: readonly SimpleNamespace[] | null
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

/**
 * What the page says of a file's yank (PEP 592): a reason, true without one, false for none. A file that is withheld and still listed
 * says why, and where there is more: installers fall back to another version, and print this to who insists.
 */
export function yankMark(file: FileRow, withheld?: Withheld): boolean | string {
  if (withheld !== undefined) {
    const { project, version } = file
    return `${withheld.reason} ${askFor(project, version)} (see /why/${project}/${version} of this index)`
  }
  if (file.withdrawn_at !== null) {
    return `No longer offered by ${file.source} since ${file.withdrawn_at.slice(0, 10)}; kept here for existing locks`
  }
  if (file.yanked === 0) return false
  return file.yanked_reason === null || file.yanked_reason === '' ? true : file.yanked_reason
}

function pageFile(
  file: FileRow,
  sha256: string,
  withheld: Withheld | undefined,
  source: string | undefined,
): SimpleFile {
  const url = fileUrl(file.project, sha256, file.filename)
  // Stored with milliseconds; Python 3.10 reads 0 or 6 digits of a second only (behaviour.md 3.4).
  const uploadTime = normalizeUploadTime(file.upload_time)
  const coreMetadata =
    file.has_metadata === 0 ? undefined : file.metadata_sha256 === null ? true : { sha256: file.metadata_sha256 }
  return {
    filename: file.filename,
    url,
    sha256,
    yanked: yankMark(file, withheld),
    ...(uploadTime === undefined ? {} : { uploadTime }),
    ...(file.requires_python === null ? {} : { requiresPython: file.requires_python }),
    ...(file.size === null ? {} : { size: file.size }),
    ...(coreMetadata === undefined ? {} : { coreMetadata }),
    ...(file.provenance_url === null ? {} : { provenance: `${url}.provenance` }),
    ...(file.source === source ? {} : { extra: { _source: file.source } }),
  }
}

/** A page as data, without its position. */
export interface ProjectPage {
  readonly page: SimpleProjectPage
  /** The source of all files that do not say another one; undefined where none answers. */
  readonly source: string | undefined
  /** When it changes by the clock alone, in milliseconds since 1970; undefined: never. */
  readonly nextChange: number | undefined
}

/** A quarantined project offers nothing (PEP 792; attacks.md API-STATUS). */
export function projectPage({ offering, files: rows, now, namespaces }: PageSource): ProjectPage {
  const files: SimpleFile[] = []
  const versions = new Set<string>()
  const [source] = offering.sources
  const judged = judgeFiles(offering, rows, now)
  for (const { file, withheld } of judged.files) {
    if (file.sha256 === null || withheld?.isListed === false) continue
    files.push(pageFile(file, file.sha256, withheld, source))
    versions.add(file.version)
  }
  const { project, status, statusReason } = offering
  const page: SimpleProjectPage = {
    name: project,
    files,
    versions: [...versions],
    status: { status, ...(statusReason === null ? {} : { reason: statusReason }) },
    ...(namespaces === undefined ? {} : { namespaces }),
    apiVersion: simpleApiVersion({ files, namespaces }),
  }
  return { page, source, nextChange: judged.nextChange }
}

/** A page that is rendered but for its place in the chain of snapshots. */
export interface RenderedPage {
  /** Digest of what the page says, wherever it stands: equal to the published one means there is nothing to publish. */
  readonly content: string
  /** The page's bytes at its position: the body that is published, stored by its hash and (later) signed. */
  readonly bytesAt: (position: PagePosition) => Uint8Array
}

/** Throws PackagingError for a page that breaks a rule of its format. */
export function renderPage({ page, source }: Pick<ProjectPage, 'page' | 'source'>): RenderedPage {
  const write = prepareSimpleJson(page)
  return {
    content: hash('sha256', write()),
    bytesAt: ({ snapshot, prev }) =>
      write({
        meta: { '_last-serial': snapshot },
        extra: { _waxseal: { snapshot, prev, ...(source === undefined ? {} : { source }) } },
      }),
  }
}
