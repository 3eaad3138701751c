import { classifyDistribution, compareVersions, tryParseVersion } from '@waxseal/packaging'
import type { Guard } from './open-guard.ts'
import type { ReportDocument } from './run-report.ts'
import type { VerifiedFile, WithheldFile } from './verified-page.ts'

/** What is known of a name on this machine, from signed data alone. */
export interface ClientExplanation extends Pick<
  ReportDocument,
  'index' | 'snapshot' | 'signedAt' | 'ageSeconds' | 'offline' | 'notes'
> {
  readonly project: string
  /** Whether the index answers for the name at all, if only with an empty page. */
  readonly known: boolean
  /** Whether a record of the name, signed offline, stands behind it. */
  readonly sealed: boolean
  /** PEP 792; null where nothing is known. */
  readonly status: string | null
  readonly statusReason: string | null
  /** Newest version first. */
  readonly offered: readonly VerifiedFile[]
  readonly withheld: readonly WithheldFile[]
}

/**
 * Explains a name, in normal form, or one version of it: what is offered, how far each file is vouched for, and what is
 * withheld and why. Throws GuardError where nothing verified can be said.
 */
export async function explainProject(guard: Guard, project: string, version?: string): Promise<ClientExplanation> {
  await guard.refresh()
  const page = await guard.index.page(project)
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
  return {
    project,
    index,
    snapshot,
    signedAt,
    ageSeconds,
    offline,
    notes,
    known: page !== undefined,
    sealed: page?.sealed ?? false,
    status: page?.status ?? null,
    statusReason: page?.statusReason ?? null,
    offered: page?.files.filter(isWanted).toSorted(newestFirst) ?? [],
    withheld: page?.withheld.filter(isWanted) ?? [],
  }
}
