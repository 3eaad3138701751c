import { PREVIEWED_ASKERS, PREVIEWED_VERSIONS } from '../limits.ts'
import { lookAtName } from '../names/name-objections.ts'
import type { NameObjection } from '../names/name-objections.ts'
import { downloadsSince, firstDay } from '../telemetry/download-tally.ts'
import type { Asker } from '../telemetry/download-tally.ts'
import type { ClaimParts } from './claim-name.ts'
import { byVersion } from './list-files.ts'
import type { Explanation } from './read-project.ts'

/** What a claim of a name would change, and for whom. */
export interface ClaimPreview {
  readonly project: string
  /** `internal`: it is claimed already. */
  readonly authority: string
  /** Whose files are given out under the name now; null: nobody's. */
  readonly upstream: string | null
  /** How many files would not be given out any more, and the newest versions that they are of. */
  readonly files: number
  readonly versions: readonly string[]
  /** Over how many days downloads are known; 0: they are not counted. */
  readonly days: number
  readonly downloads: number
  /** Who they were by, the most first, and how many more. */
  readonly askers: readonly Asker[]
  readonly moreAskers: number
  readonly objections: readonly NameObjection[]
  /** Whether anything would be other than before for somebody who installs. */
  readonly changes: boolean
}

/**
 * What would change for whom if `explained` were claimed, from what this index knows itself: no upstream is asked about a name that may
 * be secret (attacks.md DC-19).
 */
export async function previewClaim(
  { store, clock, names, claims }: ClaimParts,
  explained: Explanation,
): Promise<ClaimPreview> {
  const { project, authority } = explained
  const foreign = authority !== 'internal'
  const days = claims.tallyDays
  const askers = await downloadsSince(store.db, project, firstDay(clock.now(), Math.max(1, days)))
  const versions = [...new Set(explained.offered.map(({ version }) => version))]
  const { objections } = await lookAtName(store.db, project, { namespaces: names.namespaces, corpus: claims.corpus })
  return {
    project,
    authority,
    upstream: foreign ? explained.source : null,
    files: foreign ? explained.offeredCount : 0,
    versions: foreign ? versions.toSorted((one, other) => byVersion(other, one)).slice(0, PREVIEWED_VERSIONS) : [],
    days,
    downloads: askers.reduce((sum, { downloads }) => sum + downloads, 0),
    askers: askers.slice(0, PREVIEWED_ASKERS),
    moreAskers: Math.max(0, askers.length - PREVIEWED_ASKERS),
    objections: foreign ? objections : [],
    changes: foreign && (explained.offeredCount > 0 || authority === 'upstream'),
  }
}

/** The same in sentences, a line each. */
export function previewSentences(preview: ClaimPreview): readonly string[] {
  const { project, authority, upstream, files, versions, days, downloads, askers, moreAskers } = preview
  if (authority === 'internal') return [`This index alone answers for ${project} already: nothing would change.`]
  const told = preview.objections.map(({ message }) => message)
  if (!preview.changes)
    return [`Nobody was given a file of ${project} from an upstream: nothing would change.`, ...told]
  const whose =
    authority === 'upstream' ? `belongs to the upstream ${upstream}` : `is shown from the upstream ${upstream}`
  const newest = versions.length === 0 ? '' : ` (newest versions: ${versions.join(', ')})`
  const by = askers.map(({ who, downloads, lastDay }) => `${who} (${downloads}, last on ${lastDay})`).join(', ')
  const more = moreAskers === 0 ? '' : ` and ${moreAskers} more`
  return [
    `${project} ${whose}, and would be this index's own for good.`,
    `${files} files are given out under it now and would not be any more, not to old lock files either${newest}.`,
    days === 0
      ? 'Who downloads them is not counted here (tally-days).'
      : downloads === 0
        ? `Nobody has downloaded any of them in the last ${days} days.`
        : `In the last ${days} days they were downloaded ${downloads} times, by ${by}${more}.`,
    ...told,
  ]
}
