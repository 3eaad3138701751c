import { hash } from 'node:crypto'
import { PackagingError, readSimpleJson } from '@waxseal/packaging'
import type { SimpleProjectPage, SimpleReading } from '@waxseal/packaging'
import { TrustError } from '@waxseal/trust'
import type { TargetFile, TrustClient } from '@waxseal/trust'
import type { Defences } from './defences.ts'
import { GuardError } from './error.ts'
import { unreachable, unverified } from './failures.ts'
import type { FileCache } from './file-cache.ts'
import { MAX_PAGE_BYTES } from './limits.ts'
import type { Origin, PageAnswer } from './origin.ts'
import { applyRules } from './page-rules.ts'
import type { OfferedFile } from './page-rules.ts'
import type { Pinned, Pins } from './pins.ts'
import type { RunReport } from './run-report.ts'
import { lookUpName } from './signed-names.ts'
import type { SignedName } from './signed-names.ts'
import type { SignedState } from './signed-state.ts'
import type { VerifiedFile, VerifiedPage, WithheldFile } from './verified-page.ts'

export interface PageLoaderParts {
  readonly origin: Origin
  readonly client: TrustClient
  readonly state: SignedState
  readonly cache: FileCache
  readonly pins: Pins
  readonly report: RunReport
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly defences: Defences
  readonly offline: boolean
}

/** A page as it is handed on, and what stands behind each file. */
export interface OfferedPage {
  readonly verified: VerifiedPage
  readonly simple: SimpleProjectPage
  readonly byFilename: ReadonlyMap<string, OfferedFile>
}

const NOTHING_SIGNED: SignedName = { record: undefined, sealed: false, developers: undefined }

/**
 * Makes the page of a project from what is signed about it. The index is asked for the page first, as pip would, since that is what
 * makes it look at its upstreams; what it answers is taken where it is what is signed, and saves fetching that.
 * @returns undefined where nobody offers the name
 * @throws GuardError
 */
export async function loadPage(parts: PageLoaderParts, project: string): Promise<OfferedPage | undefined> {
  const { client, state, cache, pins, defences, origin } = parts
  const pinned = pins.of(project)
  const kept = pinned === undefined ? undefined : await cache.read(pinned.pageSha256)
  const answer: PageAnswer = parts.offline
    ? { kind: 'unreachable', reason: 'this run is offline.' }
    : await origin.askPage(project, kept === undefined || pinned?.etag === '' ? undefined : pinned?.etag)
  if (!defences.has('signatures')) {
    return answer.kind === 'page' ? offer(parts, project, answer.bytes, NOTHING_SIGNED, pinned) : undefined
  }
  if (answer.kind === 'page' || answer.kind === 'same') await state.reach(answer.snapshot)
  const target = await findPage(client, project)
  if (target === undefined) {
    if (answer.kind === 'unreachable') throw unreachable(origin.url, answer.reason)
    if (answer.kind === 'page' && hasFiles(answer.bytes)) throw unsigned(project)
    return undefined
  }
  const sha256 = target.hashes.get('sha256') ?? ''
  const answered = answer.kind === 'page' && hash('sha256', answer.bytes) === sha256 ? answer : undefined
  if (answer.kind === 'page' && answered === undefined) {
    parts.report.note(
      `The page of ${project} that the index shows is not the one that is signed; the signed one was taken.`,
    )
  }
  const bytes =
    answered?.bytes ??
    (pinned?.pageSha256 === sha256 ? kept : await cache.read(sha256)) ??
    (await download(parts, project, target))
  const reading = read(origin, project, bytes)
  const name = await lookUpName(
    client,
    project,
    reading.page.files.map(({ filename }) => filename),
  )
  checkRevision(project, name, pinned)
  const etag = answered?.etag ?? (answer.kind === 'same' ? pinned?.etag : undefined) ?? ''
  const page = offer(parts, project, bytes, name, pinned, reading)
  if (pinned?.pageSha256 !== sha256 || pinned.etag !== etag || pinned.rev < (name.record?.rev ?? 0)) {
    if (pinned?.pageSha256 !== sha256) await cache.put(sha256, bytes)
    pins.note(project, {
      pageSha256: sha256,
      etag,
      rev: name.record?.rev ?? 0,
      files: [...page.byFilename.values()].map(({ file }) => file),
      now: parts.now(),
    })
  }
  return page
}

/** What is signed about a project's page. */
async function findPage(client: TrustClient, project: string): Promise<TargetFile | undefined> {
  try {
    const found = await client.find(targetOf(project))
    return found.kind === 'found' ? found.file : undefined
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`The page of ${project}`, error, { project })
    throw error
  }
}

async function download(
  { client, offline, origin }: PageLoaderParts,
  project: string,
  target: TargetFile,
): Promise<Uint8Array> {
  if (offline) throw unreachable(origin.url, `the page of ${project} is not kept here, and this run is offline.`)
  if (target.length > MAX_PAGE_BYTES) {
    throw new GuardError('page-unverified', `The page of ${project} is larger than any page may be.`, {
      data: { project },
    })
  }
  try {
    const pieces: Uint8Array[] = []
    for await (const piece of client.download(targetOf(project), target)) pieces.push(piece)
    return Buffer.concat(pieces)
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`The page of ${project}`, error, { project })
    throw error
  }
}

function read(origin: Origin, project: string, bytes: Uint8Array): SimpleReading {
  try {
    return readSimpleJson(bytes, { baseUrl: `${origin.url}/simple/${project}/`, project })
  } catch (cause) {
    if (!(cause instanceof PackagingError)) throw cause
    throw new GuardError('page-unverified', `The page of ${project} is signed, and malformed. ${cause.message}`, {
      cause,
      data: { project },
    })
  }
}

/** attacks.md RB-POL: an older decision about a name never comes back. */
function checkRevision(project: string, { record }: SignedName, pinned: Pinned | undefined): void {
  const seen = pinned?.rev ?? 0
  if (seen <= (record?.rev ?? 0)) return
  throw new GuardError(
    'name-refused',
    `The record of ${project} was at revision ${seen} when this guard saw it, and ${record === undefined ? 'is gone' : `is at ${record.rev}`} now. Ask whoever runs the index.`,
    { data: { project } },
  )
}

function offer(
  { origin, defences, report, state }: PageLoaderParts,
  project: string,
  bytes: Uint8Array,
  name: SignedName,
  pinned: Pinned | undefined,
  { page, dropped }: SimpleReading = read(origin, project, bytes),
): OfferedPage {
  const { offered, withheld } = applyRules(page.files, { project, ...name, pinned }, defences)
  const all: readonly WithheldFile[] = [
    ...withheld,
    ...dropped.map(({ what, reason }) => ({
      filename: what,
      code: 'file-unverified' as const,
      reason: `Malformed: ${reason}.`,
    })),
  ]
  report.withheld(project, all)
  const verified: VerifiedPage = {
    project,
    snapshot: state.snapshot,
    issued: state.issued,
    status: page.status?.status ?? 'active',
    ...(page.status?.reason === undefined ? {} : { statusReason: page.status.reason }),
    sealed: name.sealed,
    files: offered.map(verifiedFile),
    withheld: all,
  }
  return {
    verified,
    simple: rendered(project, page, offered),
    byFilename: new Map(offered.map((one) => [one.file.filename, one])),
  }
}

function verifiedFile({ file, trust, since }: OfferedFile): VerifiedFile {
  const metadata = metadataSha256(file)
  return {
    filename: file.filename,
    sha256: file.sha256,
    ...(file.size === undefined ? {} : { size: file.size }),
    yanked: file.yanked,
    trust,
    ...(since === undefined ? {} : { pinnedSince: new Date(since * 1000).toISOString() }),
    ...(metadata === undefined ? {} : { metadataSha256: metadata }),
  }
}

/** The page as programs get it: made anew, with links of our own, and nothing of which the hash is not known. */
function rendered(project: string, page: SimpleProjectPage, offered: readonly OfferedFile[]): SimpleProjectPage {
  return {
    name: project,
    versions: page.versions,
    ...(page.status === undefined ? {} : { status: page.status }),
    apiVersion: page.apiVersion,
    files: offered.map(({ file }) => {
      const metadata = metadataSha256(file)
      return {
        filename: file.filename,
        url: `../../files/${project}/${file.sha256}/${file.filename}`,
        sha256: file.sha256,
        yanked: file.yanked,
        ...(file.requiresPython === undefined ? {} : { requiresPython: file.requiresPython }),
        ...(file.size === undefined ? {} : { size: file.size }),
        ...(file.uploadTime === undefined ? {} : { uploadTime: file.uploadTime }),
        ...(metadata === undefined ? {} : { coreMetadata: { sha256: metadata } }),
      }
    }),
  }
}

/** A sidecar without a hash is as if there were none: what it says could not be told from anything else. */
function metadataSha256({ coreMetadata }: OfferedFile['file']): string | undefined {
  return typeof coreMetadata === 'object' ? coreMetadata.sha256 : undefined
}

function hasFiles(bytes: Uint8Array): boolean {
  try {
    const { files } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { files?: unknown }
    return Array.isArray(files) && files.length > 0
  } catch {
    return true
  }
}

function unsigned(project: string): GuardError {
  return new GuardError(
    'page-unverified',
    `The index shows files of ${project} that nobody signed: somebody on the way adds them, or the index fails to sign (waxseal doctor, there). None was handed on.`,
    { data: { project } },
  )
}

function targetOf(project: string): string {
  return `simple/${project}/index.json`
}
