import { canonicalVersionKey, classifyDistribution, tryParseVersion } from '@waxseal/packaging'
import type { GuardErrorCode } from '../error.ts'
import { GuardError } from '../error.ts'
import type { VerifiedFile, VerifiedPage, VerifiedPages } from '../verified-page.ts'
import { PAGES_AT_ONCE } from './limits.ts'
import type { GapCode, LockedFiles, LockEntry } from './lock-entry.ts'

/** What is true of a locked file beside its hash, and no reason to refuse it. */
export interface VerdictNote {
  readonly code: 'other-source' | 'yanked'
  readonly reason: string
}

interface Locked {
  readonly line: number | undefined
  readonly project: string | undefined
  readonly version: string | undefined
  readonly filename: string | undefined
}

/** The trusted index offers this file with this sha256, now. */
export interface Verified extends Locked {
  readonly code: 'verified'
  readonly filename: string
  readonly sha256: string
  readonly trust: VerifiedFile['trust']
  readonly pinnedSince: string | undefined
  readonly notes: readonly VerdictNote[]
}

/** `local` is no failure: a folder of the project itself. */
export interface Unverified extends Locked {
  readonly code: GapCode | GuardErrorCode | 'hash-differs'
  readonly sha256: string | undefined
  /** What happened and what to do next. */
  readonly reason: string
  readonly notes: readonly VerdictNote[]
}

export type Verdict = Verified | Unverified

/** Failures of the machine, the network or the set-up: nothing is said about any file then. */
const ENVIRONMENT: ReadonlySet<GuardErrorCode> = new Set([
  'cache-unusable',
  'credentials-unusable',
  'index-unreachable',
  'not-trusted',
  'trust-unusable',
])

/**
 * Holds the entries of a lock against what the trusted index offers at this moment: a verdict for each file, in the order
 * of the lock. `origin` is the index's base URL. Throws GuardError where the index cannot be asked.
 */
export async function verifyEntries(
  entries: readonly LockEntry[],
  pages: VerifiedPages,
  origin: string,
): Promise<readonly Verdict[]> {
  const answers = await pagesOf(entries, pages)
  return entries.flatMap((entry): readonly Verdict[] => {
    if (entry.kind === 'gap') {
      const { line, project, version, filename, code, reason } = entry
      return [{ line, project, version, filename, code, reason, sha256: undefined, notes: [] }]
    }
    const answer = answers.get(entry.project)
    const notes = sourceNotes(entry, origin)
    if (answer instanceof GuardError) return unverified(entry, notes, answer.code, answer.message)
    if (answer === undefined) {
      return unverified(entry, notes, 'not-offered', `The index offers nothing under the name ${entry.project}.`)
    }
    return entry.filename === undefined
      ? hashVerdicts(entry, answer, notes)
      : fileVerdict(entry, entry.filename, answer, notes)
  })
}

/** A page for each project, several asked for at once; what does not verify stands for itself. */
async function pagesOf(
  entries: readonly LockEntry[],
  pages: VerifiedPages,
): Promise<ReadonlyMap<string, VerifiedPage | GuardError | undefined>> {
  const answers = new Map<string, VerifiedPage | GuardError | undefined>()
  const left = new Set(entries.flatMap((entry) => (entry.kind === 'files' ? [entry.project] : []))).values()
  const ask = async (): Promise<void> => {
    for (const project of left) {
      try {
        answers.set(project, await pages.page(project))
      } catch (error) {
        if (!(error instanceof GuardError) || ENVIRONMENT.has(error.code)) throw error
        answers.set(project, error)
      }
    }
  }
  await Promise.all(Array.from({ length: PAGES_AT_ONCE }, ask))
  return answers
}

/** A file by its name. */
function fileVerdict(
  entry: LockedFiles,
  filename: string,
  page: VerifiedPage,
  notes: readonly VerdictNote[],
): readonly Verdict[] {
  const offered = page.files.find((file) => file.filename === filename)
  if (offered !== undefined && entry.sha256.includes(offered.sha256)) return [verified(entry, offered, notes)]
  if (offered !== undefined) {
    return unverified(
      entry,
      notes,
      'hash-differs',
      `The index offers ${filename} with sha256 ${offered.sha256}. Do not install it before you know which of the two is right.`,
    )
  }
  const withheld = page.withheld.find((file) => file.filename === filename)
  return unverified(
    entry,
    notes,
    'not-offered',
    withheld === undefined
      ? `The index does not offer ${filename}.`
      : `The index lists ${filename}, and it is withheld (${withheld.code}): ${withheld.reason}`,
  )
}

/** Hashes without names: each belongs to a file of the version, or to none. */
function hashVerdicts(entry: LockedFiles, page: VerifiedPage, notes: readonly VerdictNote[]): readonly Verdict[] {
  const wanted = versionKey(entry.version ?? '')
  const ofVersion = new Map(
    page.files
      .filter(({ filename }) => versionKey(classifyDistribution(filename, page.project)?.version ?? '') === wanted)
      .map((file) => [file.sha256, file]),
  )
  const what = `${entry.project} ${entry.version ?? ''}`
  // A lock may know more files than the index has; where none of them fits, those of the index were exchanged.
  const fits = entry.sha256.some((sha256) => ofVersion.has(sha256))
  return entry.sha256.flatMap((sha256): readonly Verdict[] => {
    const offered = ofVersion.get(sha256)
    if (offered !== undefined) return [verified(entry, offered, notes)]
    const one = { ...entry, sha256: [sha256] }
    if (ofVersion.size === 0) return unverified(one, notes, 'not-offered', `The index offers no file of ${what}.`)
    return fits
      ? unverified(one, notes, 'not-offered', `No file of ${what} that the index offers has this hash.`)
      : unverified(
          one,
          notes,
          'hash-differs',
          `The index offers ${what} with other hashes only. Do not install it before you know which are right.`,
        )
  })
}

/** Equal for spellings of one version: `1.0`, `1.0.0`. */
function versionKey(text: string): string {
  const version = tryParseVersion(text)
  return version === undefined ? text : canonicalVersionKey(version)
}

function verified(entry: LockedFiles, file: VerifiedFile, notes: readonly VerdictNote[]): Verified {
  const { line, project, version } = entry
  const { filename, sha256, trust, pinnedSince, yanked } = file
  const why = typeof yanked === 'string' && yanked !== '' ? `: ${yanked}` : '.'
  return {
    line,
    project,
    version,
    filename,
    code: 'verified',
    sha256,
    trust,
    pinnedSince,
    notes: yanked === false ? notes : [...notes, { code: 'yanked', reason: `It is yanked${why}` }],
  }
}

function unverified(
  { line, project, version, filename, sha256 }: LockedFiles,
  notes: readonly VerdictNote[],
  code: Unverified['code'],
  reason: string,
): readonly Unverified[] {
  return [{ line, project, version, filename, code, sha256: sha256[0], reason, notes }]
}

/** A place of another origin is said, and no reason to refuse: the hash alone decides. */
function sourceNotes({ from }: LockedFiles, origin: string): readonly VerdictNote[] {
  if (from === undefined || isBelow(from, origin)) return []
  return [{ code: 'other-source', reason: `The lock takes it from ${hostOf(from)}, not from the trusted index.` }]
}

/** Whether a URL is the index's; a path without a scheme is a file beside the lock, and nobody else's. */
export function isBelow(place: string, origin: string): boolean {
  const url = URL.parse(place)
  if (url === null) return true
  const base = new URL(origin)
  const folder = base.pathname.replace(/\/+$/, '')
  return url.origin === base.origin && (url.pathname === folder || url.pathname.startsWith(`${folder}/`))
}

/** Without credentials, path and parameters. */
function hostOf(place: string): string {
  const url = URL.parse(place)
  return url === null || url.host === '' ? 'another place' : url.host
}
