import type { Kysely } from 'kysely'
import type { NamesConfig } from '../names/authority.ts'
import { countedApprovals } from '../names/approvals.ts'
import { answerFor, sourcesOf } from '../names/authority.ts'
import { claimedName } from '../names/claimed-name.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'
import { standingDenialOfName } from '../names/denials.ts'
import type { Denial } from '../names/denials.ts'
import { standingDenials } from '../names/deny-list.ts'
import { pageNamespaces } from '../names/page-namespaces.ts'
import type { Offering } from '../releases/judge-files.ts'
import { denialSentence } from '../releases/judge-files.ts'
import type { PageSource } from '../releases/page.ts'
import type { Database, FileRow, ProjectRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'

/** What decides which files of `name` are given out at `now` (milliseconds since 1970), whether or not anything is known of it. */
export async function readOffering(
  db: Kysely<Database>,
  name: string,
  project: ProjectRow | undefined,
  names: NamesConfig,
  now: number,
): Promise<Offering> {
  const claimed = project && claimedName(project)
  const answer = answerFor(name, claimed, names)
  const sources = sourcesOf(answer, project?.upstream ?? null)
  const denials = project === undefined ? [] : await standingDenials(db, name)
  const policy = names.policy ?? OPEN_DEFAULT
  const [source] = sources.filter((one) => one !== LOCAL_SOURCE)
  return {
    project: name,
    answer,
    sources,
    ...(await effectiveStatus(db, project, source, denials, now)),
    denials,
    approvals:
      source === undefined || !asksForApprovals(answer, policy) ? NO_APPROVALS : await approvalsOf(db, name, policy),
    policy,
  }
}

const NO_APPROVALS: ReadonlyMap<string, number> = new Map()

/** An approval also ends a cooldown early. */
function asksForApprovals(answer: Offering['answer'], { cooldown }: Offering['policy']): boolean {
  if (answer.kind !== 'upstream' && answer.kind !== 'undecided') return false
  return answer.needsApproval || cooldown > 0
}

async function approvalsOf(
  db: Kysely<Database>,
  project: string,
  { approvals }: Offering['policy'],
): Promise<ReadonlyMap<string, number>> {
  const counted = await countedApprovals(db, project, approvals)
  return new Map(Array.from(counted, ([sha256, given]) => [sha256, given.length]))
}

/** Reads what `name`'s page is made of; undefined when the project has no record. */
export async function readPageSource(
  db: Kysely<Database>,
  name: string,
  names: NamesConfig,
  now: number,
): Promise<(PageSource & { readonly row: ProjectRow; readonly listed: boolean }) | undefined> {
  const project = await db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
  if (project === undefined) return undefined
  const offering = await readOffering(db, name, project, names, now)
  const { sources } = offering
  const files: readonly FileRow[] =
    sources.length === 0
      ? []
      : await db.selectFrom('file').selectAll().where('project', '=', name).where('source', 'in', sources).execute()
  // A name that only passed by, and that no upstream has any more, is not ours to name.
  const listed = sources.length > 0 || project.authority !== 'unclaimed'
  const namespaces = await pageNamespaces(db, project, names)
  return { offering, files, now, row: project, listed, ...(namespaces === undefined ? {} : { namespaces }) }
}

/**
 * The project's own status, or its upstream's where ours is active: a closing upstream closes here at once
 * (attacks.md 6.5 row 13), while opening is never copied over a status that was set here. A denial of the name stands over both.
 */
async function effectiveStatus(
  db: Kysely<Database>,
  project: ProjectRow | undefined,
  upstream: string | undefined,
  denials: readonly Denial[],
  now: number,
): Promise<Pick<Offering, 'status' | 'statusReason'>> {
  if (project === undefined) return { status: 'active', statusReason: null }
  const denial = standingDenialOfName(denials, now)
  if (denial !== undefined) return { status: 'quarantined', statusReason: denialSentence(denial) }
  const own = { status: project.status, statusReason: project.status_reason }
  const { merge } = claimedName(project)
  // Whoever only adds to a name does not close it.
  const isExtender = project.authority === 'merged' && merge?.owner !== upstream
  if (project.status !== 'active' || upstream === undefined || isExtender) return own
  const theirs = await db
    .selectFrom('upstream_page')
    .select(['status', 'status_reason'])
    .where('project', '=', project.name)
    .where('upstream', '=', upstream)
    .executeTakeFirst()
  return theirs === undefined ? own : { status: theirs.status, statusReason: theirs.status_reason }
}
