import { DocumentReader } from '@waxseal/trust/documents'
import {
  MAX_REASON,
  openDocument,
  readLine,
  readName,
  readOneOf,
  readSha256,
  readTime,
  writeDocument,
} from './read-document.ts'
import { releaseKey } from './release-key.ts'

/** What stands over any authority (design.md section 2): for a time, or until somebody lifts it. */
export type Overlay = 'quarantined' | 'blocked'

export const OVERLAYS: readonly Overlay[] = ['quarantined', 'blocked']

/** One entry of the deny list: a name, a release of it, or one file, which nobody gets while it stands. */
export interface Denial {
  /** Its number, of this index and never used again: what a lift names. */
  readonly n: number
  /** In normal form. */
  readonly project: string
  /** The release; with neither this nor `sha256` the whole name. */
  readonly version?: string | undefined
  /** The file, by its bytes. */
  readonly sha256?: string | undefined
  readonly overlay: Overlay
  readonly reason: string
  /** ISO 8601. */
  readonly since: string
  /** When it ends by itself. */
  readonly until?: string | undefined
}

/** What of a file decides whether it is denied. */
export interface DeniableFile {
  readonly version: string
  readonly sha256: string | null
}

const MAX_DENIALS = 100_000
export const MAX_VERSION = 128

/** Whether it still holds at `now`, in milliseconds since 1970. */
export function isStanding({ until }: Pick<Denial, 'until'>, now: number): boolean {
  return until === undefined || Date.parse(until) > now
}

/** The first of `denials` (all of one project) that stands at `now`, in milliseconds since 1970, over the name itself. */
export function standingDenialOfName(denials: readonly Denial[], now: number): Denial | undefined {
  return denialOfName(denials.filter((denial) => isStanding(denial, now)))
}

/** The first of `denials` (all of one project, all standing) that is over the name itself. */
export function denialOfName(denials: readonly Denial[]): Denial | undefined {
  return denials.find(({ version, sha256 }) => version === undefined && sha256 === undefined)
}

/** The first of `denials` (all of one project, all standing) that is over this file, its release or its name. */
export function denialOfFile(denials: readonly Denial[], file: DeniableFile): Denial | undefined {
  return denials.find(({ version, sha256 }) => {
    if (sha256 !== undefined) return sha256 === file.sha256
    return version === undefined || releaseKey(version) === releaseKey(file.version)
  })
}

/** @throws TrustError where it is no deny list, or says more than is known here */
export function readDenyList(bytes: Uint8Array): readonly Denial[] {
  const reader = openDocument(bytes, 'deny', ['entries'])
  const entries = reader.list('entries', MAX_DENIALS).map((value) => {
    const one = new DocumentReader(value, 'denial')
    one.onlyHas(['n', 'project', 'version', 'sha256', 'overlay', 'reason', 'since', 'until'])
    return {
      n: one.number('n', 1),
      project: readName(one, 'project'),
      ...(one.has('version') ? { version: readLine(one, 'version', MAX_VERSION) } : {}),
      ...(one.has('sha256') ? { sha256: readSha256(one, 'sha256') } : {}),
      overlay: readOneOf(one, 'overlay', OVERLAYS),
      reason: readLine(one, 'reason', MAX_REASON),
      since: readTime(one, 'since'),
      ...(one.has('until') ? { until: readTime(one, 'until') } : {}),
    }
  })
  if (new Set(entries.map(({ n }) => n)).size !== entries.length) throw reader.invalid('one number stands twice')
  return entries
}

/** The bytes that are signed, whatever order the entries come in. */
export function writeDenyList(entries: readonly Denial[]): Buffer {
  const sorted = entries.toSorted((a, b) => a.n - b.n)
  return writeDocument({
    entries: sorted.map(({ n, project, version, sha256, overlay, reason, since, until }) => ({
      n,
      project,
      version,
      sha256,
      overlay,
      reason,
      since,
      until,
    })),
  })
}
