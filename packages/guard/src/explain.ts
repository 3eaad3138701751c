import { classifyDistribution, compareVersions, tryParseVersion } from '@waxseal/packaging'
import type { NameRecord } from '@waxseal/index/names'
import { GuardError } from './error.ts'
import type { GuardErrorCode } from './error.ts'
import type { NameDecision } from './name-decision.ts'
import type { DecidingRule } from './name-rules.ts'
import type { Guard } from './open-guard.ts'
import type { ReportDocument } from './run-report.ts'
import type { VerifiedFile, VerifiedPage, WithheldFile } from './verified-page.ts'

/** What is decided about a name, as it is signed. */
export type ClientDecision = Pick<NameRecord, 'rev' | 'authority' | 'sources' | 'closed' | 'since' | 'by'> & {
  readonly reason: string | null
}

/** What is known of a name on this machine, from signed data alone. */
export interface ClientExplanation extends Pick<
  ReportDocument,
  'index' | 'snapshot' | 'signedAt' | 'ageSeconds' | 'offline' | 'notes'
> {
  readonly project: string
  /** Whether the index answers for the name at all, if only with an empty page. */
  readonly known: boolean
  /** What decides about the name; null where that cannot be said, as `refusal` tells. */
  readonly rule: DecidingRule | null
  /** The record of the name; null where it has none that counts. */
  readonly decision: ClientDecision | null
  /** Why nothing of the name is handed on, and what to do next. */
  readonly refusal: { readonly code: GuardErrorCode; readonly reason: string } | null
  /** Whether a record of the name, signed offline, stands behind it. */
  readonly sealed: boolean
  /** PEP 792; null where nothing is known. */
  readonly status: string | null
  readonly statusReason: string | null
  /** The newest version of which something is handed on and not yanked. */
  readonly newest: string | null
  /** Newest version first. */
  readonly offered: readonly VerifiedFile[]
  readonly withheld: readonly WithheldFile[]
  /** What whoever wanted this may do. */
  readonly next: string | null
}

/**
 * Explains a name, in normal form, or one version of it: what decides, who decided it, what is offered, how far each file is vouched for,
 * what is withheld and why, and what to do next. Throws GuardError where nothing verified can be said.
 */
export async function explainProject(guard: Guard, project: string, version?: string): Promise<ClientExplanation> {
  await guard.refresh()
  const { page, decision, refusal } = await look(guard, project)
  const { index, snapshot, signedAt, ageSeconds, offline, notes } = guard.document()
  const wanted = version === undefined ? undefined : tryParseVersion(version)
  const versionOf = (filename: string) => tryParseVersion(classifyDistribution(filename, project)?.version ?? '')
  const isWanted = ({ filename }: { readonly filename: string }): boolean => {
    if (wanted === undefined) return version === undefined || filename.includes(version)
    const its = versionOf(filename)
    return its !== undefined && compareVersions(its, wanted) === 0
  }
  const newestFirst = (one: VerifiedFile, other: VerifiedFile): number => {
    const [a, b] = [versionOf(one.filename), versionOf(other.filename)]
    return a === undefined || b === undefined ? 0 : compareVersions(b, a)
  }
  const files = page?.files.toSorted(newestFirst) ?? []
  const [newestFile] = files.filter(({ yanked }) => yanked === false)
  const newest = newestFile && classifyDistribution(newestFile.filename, project)?.version
  const offered = files.filter(isWanted)
  return {
    project,
    index,
    snapshot,
    signedAt,
    ageSeconds,
    offline,
    notes,
    known: page !== undefined,
    rule: decision?.verdict.rule ?? null,
    decision: decision?.record === undefined ? null : summaryOf(decision.record),
    refusal: refusal === undefined ? null : { code: refusal.code, reason: refusal.message },
    sealed: decision?.sealed ?? false,
    status: page?.status ?? null,
    statusReason: page?.statusReason ?? null,
    newest: newest ?? null,
    offered,
    withheld: page?.withheld.filter(isWanted) ?? [],
    next: refusal === undefined && offered.length === 0 ? nextStep(project, version, newest) : null,
  }
}

interface Looked {
  readonly page?: VerifiedPage | undefined
  readonly decision?: NameDecision
  readonly refusal?: GuardError
}

/** A name of which nothing is handed on is explained too: by what decides about it, or by why that cannot be said. */
async function look({ index }: Guard, project: string): Promise<Looked> {
  try {
    return { page: await index.page(project), decision: await index.decision(project) }
  } catch (refusal) {
    if (!isAboutName(refusal)) throw refusal
    try {
      return { decision: await index.decision(project), refusal }
    } catch (error) {
      if (isAboutName(error)) return { refusal: error }
      throw error
    }
  }
}

function isAboutName(error: unknown): error is GuardError {
  return error instanceof GuardError && (error.code === 'name-refused' || error.code === 'denied')
}

function summaryOf({ rev, authority, sources, closed, since, by, reason }: NameRecord): ClientDecision {
  return { rev, authority, sources, closed, since, by, reason: reason ?? null }
}

function nextStep(project: string, version: string | undefined, newest: string | undefined): string {
  const request = `waxseal request ${project}${version === undefined ? '' : `==${version}`}`
  return newest === undefined
    ? `Look at the spelling, or ask for it: ${request}`
    : `Use ${project}==${newest}, the newest that is handed on, or ask for this one: ${request}`
}
