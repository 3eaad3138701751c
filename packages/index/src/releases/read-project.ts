import { canonicalVersionKey, tryParseVersion } from '@waxseal/packaging'
import { isPublic } from '../names/page-namespaces.ts'
import { decisionSentence } from '../names/decisions.ts'
import type { DecisionBody } from '../names/decisions.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import type { Clock } from '../clock.ts'
import { EXPLAINED_CHECK_MS, EXPLAINED_FILES } from '../limits.ts'
import { denialOfFile, isStanding } from '../names/denials.ts'
import type { NamesConfig } from '../names/authority.ts'
import { listDenials } from '../names/list-denials.ts'
import type { KnownDenial } from '../names/list-denials.ts'
import { sealedRecord, sealRole } from '../names/sealed-names.ts'
import { recordTarget } from '../names/signed-paths.ts'
import type { DecisionRow, FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { decidingRule, nameSentence, nextStep } from './explain-rule.ts'
import type { DecidingRule } from './explain-rule.ts'
import type { JsonApiSource, ReleaseMetadata } from './json-api.ts'
import { judgeFiles } from './judge-files.ts'
import type { JudgedFile, Withheld } from './judge-files.ts'
import { newestAllowed } from './way-out.ts'

/** What the readers of whole projects share. */
export interface ReadParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly current: CurrentProjects
}

/**
 * The rows behind `/pypi/<project>/json`, or those of one version; undefined where PyPI answers 404 (no release, or
 * quarantined).
 */
export async function readJsonApiSource(
  parts: ReadParts,
  state: ProjectState,
  version?: string,
): Promise<JsonApiSource | undefined> {
  const { project, page } = state
  if (project === undefined || page === undefined || state.status === 'quarantined') return undefined
  const { sources } = state.offering
  if (sources.length === 0) return undefined
  const rows = await parts.store.db
    .selectFrom('file')
    .selectAll()
    .where('project', '=', state.name)
    .where('source', 'in', sources)
    .execute()
  // One file's verdict may depend on those of other versions.
  const judged = judgeFiles(state.offering, rows, parts.clock.now()).files
  const isWanted = versionFilter(version)
  const files = judged.filter(({ file, withheld }) => withheld?.isListed !== false && isWanted(file))
  const releases = new Map<string, string>()
  const metadata = new Map<string, ReleaseMetadata>()
  if (sources.includes(LOCAL_SOURCE)) {
    const known = await parts.store.db
      .selectFrom('release')
      .selectAll()
      .where('project', '=', state.name)
      .$if(version !== undefined, (query) => query.where(...ofVersion(version ?? '')))
      .execute()
    const standing = state.offering.denials.filter((denial) => isStanding(denial, parts.clock.now()))
    for (const release of known) {
      // As if it were not there: the newest of the others is the newest.
      if (denialOfFile(standing, { version: release.version, sha256: null }) !== undefined) continue
      releases.set(release.version_key, release.version)
      metadata.set(release.version_key, JSON.parse(release.metadata) as ReleaseMetadata)
    }
  }
  if (files.length === 0 && releases.size === 0) return undefined
  return {
    project: state.name,
    displayName: project.display_name,
    snapshot: page.snapshot,
    files,
    releases,
    metadata,
  }
}

/** Why one file is not offered, for people and machines. */
export interface WithheldFile {
  readonly filename: string
  readonly version: string
  readonly source: string
  readonly code: Withheld['code']
  readonly since: string | null
  /** When it will be given out, if nothing else happens. */
  readonly until?: string
  readonly reason: string
}

/** Who decided, since when, and why: `configuration` for what stands in the configuration file. */
export interface RuleDecision {
  readonly by: string
  readonly since: string | null
  readonly reason: string | null
}

export interface Opening {
  readonly kind: 'lift' | 'merge'
  readonly askedAt: string
  readonly askedBy: string
}

export interface SealedBy {
  readonly role: string
  readonly rev: number
  readonly since: string
  readonly by: string
}

/** The explanation: what is offered, from where, what is withheld, and who decided it. */
export interface Explanation {
  readonly project: string
  readonly authority: string
  readonly source: string | null
  readonly sentence: string
  /** What decided about the name, or about the release that was asked for. */
  readonly rule: DecidingRule
  /** Who decided that; null where nobody has. */
  readonly decision: RuleDecision | null
  /** What to do next, in a sentence; null where what was asked for is offered. */
  readonly next: string | null
  /** The newest version of the name that is given out. */
  readonly newest: string | null
  /** What is denied of the name, and stands or waits for the holders of its seal, the newest first. */
  readonly denials: readonly KnownDenial[]
  /** What would open the sealed name, and waits for its holders. */
  readonly openings: readonly Opening[]
  /** By whom the name is sealed; null where it is not. */
  readonly sealed: SealedBy | null
  readonly status: string
  readonly statusReason: string | null
  readonly snapshot: number | null
  /** When the upstream it is answered from last said what it has; null for what no upstream is asked about. */
  readonly upstreamCheckedAt: string | null
  /** How many files are offered, and withheld; the lists hold the newest `EXPLAINED_FILES` of each. */
  readonly offeredCount: number
  readonly withheldCount: number
  readonly offered: readonly OfferedFile[]
  readonly withheld: readonly WithheldFile[]
  readonly decisions: readonly (Omit<DecisionRow, 'body' | 'project'> & {
    readonly body: DecisionBody
    readonly sentence: string
  })[]
  readonly events: readonly { readonly at: string; readonly kind: string; readonly detail: unknown }[]
}

export interface OfferedFile {
  readonly filename: string
  readonly version: string
  readonly sha256: string | null
  readonly uploadTime: string
  readonly uploadTimeSource: string
  readonly yanked: boolean
  readonly yankedReason: string | null
  readonly stored: boolean
}

const EVENTS_SHOWN = 100

/** Explains a name, known or not; `version` narrows the file lists. */
export async function explainProject(
  parts: ReadParts,
  state: ProjectState,
  version: string | undefined,
): Promise<Explanation> {
  const { db } = parts.store
  const { project } = state
  const { sources } = state.offering
  const [source] = sources
  const rows = await db.selectFrom('file').selectAll().where('project', '=', state.name).orderBy('filename').execute()
  const isWanted = versionFilter(version)
  const now = parts.clock.now()
  const all = judgeFiles(state.offering, rows, now).files
  const judged = all.filter(({ file }) => isWanted(file))
  const { offered = [], withheld = [] } = Object.groupBy(judged, (one) =>
    one.withheld === undefined ? 'offered' : 'withheld',
  )
  const decisions = await db
    .selectFrom('decision')
    .selectAll()
    .where('project', '=', state.name)
    .orderBy('rev', 'desc')
    .execute()
  const events = await db
    .selectFrom('event')
    .select(['at', 'kind', 'detail'])
    .where('project', '=', state.name)
    // Anybody may read this: what users and tokens did is for administrators (`/api/v1/events`).
    .where((where) => where.or([where('kind', 'like', 'upstream-%'), where('kind', '=', 'merge-conflict')]))
    .orderBy('id', 'desc')
    .limit(EVENTS_SHOWN)
    .execute()
  const rule = decidingRule(state, parts.names, version === undefined ? undefined : judged, now)
  const denials = (await listDenials(db, now, state.name)).filter(({ standing }) => standing)
  const newestVersion = newestAllowed(all)
  const situation = {
    project: state.name,
    version,
    newest: newestVersion,
    rule,
    isKnown: judged.length > 0,
    until: withheld.find(({ withheld: why }) => why?.until !== undefined)?.withheld?.until,
    waits: denials.some(({ n, waits }) => String(n) === rule.of && waits),
  }
  const isOffered = version === undefined ? newestVersion !== undefined : offered.length > 0
  const bodies = decisions.map(({ body, ...row }) => ({ ...row, body: JSON.parse(body) as DecisionBody }))
  const checkedAt = source === undefined ? undefined : state.checkedAt.get(source)
  return {
    project: state.name,
    authority: state.answer.kind === 'reserved' ? 'internal' : (project?.authority ?? 'unclaimed'),
    source: source ?? null,
    sentence: nameSentence(state.name, state.answer, parts.names),
    rule,
    decision: decisionOf(rule, { denials, decisions: bodies, names: parts.names }),
    next: isOffered ? null : nextStep(situation),
    newest: newestVersion ?? null,
    denials,
    openings: await openingsOf(parts.store, state.name),
    sealed: await sealOf(parts.store, state.name),
    status: state.status,
    statusReason: state.statusReason,
    snapshot: state.page?.snapshot ?? null,
    upstreamCheckedAt: checkedAt === undefined ? null : new Date(checkedAt).toISOString(),
    offeredCount: offered.length,
    withheldCount: withheld.length,
    offered: newest(offered).map(({ file }) => offeredFile(file)),
    withheld: newest(withheld).flatMap(({ file, withheld: why }) => {
      if (why === undefined) return []
      const { isListed: _, ...told } = why
      return [{ filename: file.filename, version: file.version, source: file.source, ...told }]
    }),
    decisions: bodies.map(({ project: _project, ...row }) => ({ ...row, sentence: decisionSentence(row.body) })),
    events: events.map(({ detail, ...row }) => ({ ...row, detail: JSON.parse(detail) as unknown })),
  }
}

interface Decided {
  readonly denials: readonly KnownDenial[]
  /** The newest first. */
  readonly decisions: readonly { readonly at: string; readonly actor: string; readonly body: DecisionBody }[]
  readonly names: NamesConfig
}

/** Kinds of decisions by which a rule about a name came to be. */
const DECIDED_BY: Partial<Record<DecidingRule['kind'], readonly DecisionBody['kind'][]>> = {
  claim: ['claim', 'unmerge'],
  upstream: ['upstream', 'unmerge'],
  merge: ['merge'],
  status: ['status'],
}

const CONFIGURATION: RuleDecision = { by: 'configuration', since: null, reason: null }

function decisionOf({ kind, of }: DecidingRule, { denials, decisions, names }: Decided): RuleDecision | null {
  if (kind === 'denial') {
    const denial = denials.find(({ n }) => String(n) === of)
    return denial === undefined ? null : { by: denial.by, since: denial.since, reason: denial.reason }
  }
  if (kind === 'namespace') {
    const namespace = of === null ? undefined : names.namespaces.get(of)
    if (namespace === undefined || namespace.isConfigured === true) return CONFIGURATION
    // Whose a private one is, and since when, is not told to whoever asks.
    return isPublic(namespace)
      ? { by: namespace.owner, since: namespace.since, reason: null }
      : { by: 'operator', since: null, reason: null }
  }
  if (kind === 'cooldown' || kind === 'approval' || kind === 'default') {
    return of === null && kind !== 'cooldown' ? null : CONFIGURATION
  }
  const kinds = DECIDED_BY[kind] ?? []
  const decision = decisions.find(({ body }) => kinds.includes(body.kind))
  if (decision === undefined) return null
  const { actor, at, body } = decision
  return { by: actor, since: at, reason: 'reason' in body ? body.reason : null }
}

async function openingsOf({ db }: Store, project: string): Promise<readonly Opening[]> {
  const rows = await db.selectFrom('opening').selectAll().where('project', '=', project).orderBy('asked_at').execute()
  return rows.map(({ kind, asked_at: askedAt, asked_by: askedBy }) => ({ kind, askedAt, askedBy }))
}

async function sealOf({ db }: Store, project: string): Promise<SealedBy | null> {
  const record = await sealedRecord(db, project)
  if (record === undefined) return null
  const { rev, since, by } = record
  return { role: sealRole(project), rev, since, by }
}

/**
 * What an explanation is made of, in few bytes: two that are equal have the same explanation. Costs one query over the
 * project's files, without reading them out.
 */
export async function explanationState(parts: ReadParts, state: ProjectState): Promise<string> {
  const { db } = parts.store
  const { name } = state
  // Whatever else there is to a file comes with a new page; these are what a page does not show.
  const files = await db
    .selectFrom('file')
    .select(({ fn }) => [
      fn.countAll<number>().as('listed'),
      fn.count<number>('sha256').as('hashed'),
      fn.count<number>('withdrawn_at').as('withdrawn'),
      fn.count<number>('deleted_at').as('deleted'),
      fn.sum<number>('stored').as('stored'),
    ])
    .where('project', '=', name)
    .executeTakeFirst()
  const { events } = await db
    .selectFrom('event')
    .select(({ fn }) => fn.max('id').as('events'))
    .where('project', '=', name)
    .executeTakeFirstOrThrow()
  const { decisions } = await db
    .selectFrom('decision')
    .select(({ fn }) => fn.max('rev').as('decisions'))
    .where('project', '=', name)
    .executeTakeFirstOrThrow()
  const openings = await openingsOf(parts.store, name)
  const sealed = await db
    .selectFrom('target')
    .select('sha256')
    .where('role', '=', sealRole(name))
    .where('path', '=', recordTarget(name))
    .where('superseded_at', 'is', null)
    .executeTakeFirst()
  const { project, page, status, statusReason, answer, checkedAt } = state
  // A page that is asked for all the time is not explained anew all the time.
  const checked = [...checkedAt].map(([upstream, time]) => [upstream, Math.floor(time / EXPLAINED_CHECK_MS)])
  const rules = { answer, status, statusReason, decisions, openings, sealed }
  return JSON.stringify([project, page, rules, files, events, checked])
}

/** The newest files of `rows`, in the order they came in. */
function newest(rows: readonly JudgedFile[]): readonly JudgedFile[] {
  if (rows.length <= EXPLAINED_FILES) return rows
  const time = ({ file }: JudgedFile): string => file.upload_time
  const byAge = rows.toSorted((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0))
  const kept = new Set(byAge.slice(0, EXPLAINED_FILES))
  return rows.filter((row) => kept.has(row))
}

/** Versions that compare equal are one release; one that does not parse is only itself. */
function ofVersion(version: string): ['version' | 'version_key', '=', string] {
  const parsed = tryParseVersion(version)
  return parsed === undefined ? ['version', '=', version] : ['version_key', '=', canonicalVersionKey(parsed)]
}

function offeredFile(row: FileRow): OfferedFile {
  return {
    filename: row.filename,
    version: row.version,
    sha256: row.sha256,
    uploadTime: row.upload_time,
    uploadTimeSource: row.upload_time_source,
    yanked: row.yanked === 1 || row.withdrawn_at !== null,
    yankedReason: row.yanked_reason,
    stored: row.stored === 1,
  }
}

/** Versions that compare equal are one release; undefined: all. */
function versionFilter(version: string | undefined): (file: Pick<FileRow, 'version' | 'version_key'>) => boolean {
  if (version === undefined) return () => true
  const [column, , value] = ofVersion(version)
  return (file) => file[column] === value
}
