import { canonicalVersionKey, tryParseVersion } from '@waxseal/packaging'
import { decisionSentence } from '../names/decisions.ts'
import type { DecisionBody } from '../names/decisions.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import type { Clock } from '../clock.ts'
import { EXPLAINED_CHECK_MS, EXPLAINED_FILES } from '../limits.ts'
import { denialOfFile, isStanding } from '../names/denials.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { DecisionRow, FileRow } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { JsonApiSource, ReleaseMetadata } from './json-api.ts'
import { judgeFiles } from './judge-files.ts'
import type { JudgedFile, Withheld } from './judge-files.ts'

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

/** The first form of the explanation: what is offered, from where, what is withheld, and who decided it. */
export interface Explanation {
  readonly project: string
  readonly authority: string
  readonly source: string | null
  readonly sentence: string
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
  const judged = judgeFiles(state.offering, rows, parts.clock.now()).files.filter(({ file }) => isWanted(file))
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
  const checkedAt = source === undefined ? undefined : state.checkedAt.get(source)
  return {
    project: state.name,
    authority: state.answer.kind === 'reserved' ? 'internal' : (project?.authority ?? 'unclaimed'),
    source: source ?? null,
    sentence: sentence(state, parts.names),
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
    decisions: decisions.map(({ project: _project, body: text, ...row }) => {
      const body = JSON.parse(text) as DecisionBody
      return { ...row, body, sentence: decisionSentence(body) }
    }),
    events: events.map(({ detail, ...row }) => ({ ...row, detail: JSON.parse(detail) as unknown })),
  }
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
  const { project, page, status, statusReason, checkedAt } = state
  // A page that is asked for all the time is not explained anew all the time.
  const checked = [...checkedAt].map(([upstream, time]) => [upstream, Math.floor(time / EXPLAINED_CHECK_MS)])
  return JSON.stringify([project, page, status, statusReason, files, events, decisions, checked])
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

function sentence(state: ProjectState, names: NamesConfig): string {
  const { answer, name } = state
  switch (answer.kind) {
    case 'internal':
      return `${name} belongs to this index. No upstream is asked for it, whatever exists there.`
    case 'reserved':
      return `${name} falls under the prefix ${answer.prefix}, which belongs to this index. Nobody uploaded it, and no upstream is asked for it.`
    case 'upstream':
      return `${name} belongs to the upstream ${answer.upstream}, decided at its first download. No other index is asked for it.`
    case 'refused':
      return `Nobody has approved ${name} for this index (${answer.pattern} is denied by default), and no upstream is asked for it.`
    case 'merged':
      return `${name} has two sources, by a recorded decision: it belongs to ${sourceWords(answer.merge.owner)}, and ${sourceWords(answer.merge.extender)} may add to it (${answer.merge.extend}).`
    case 'undecided': {
      const order =
        names.upstreams.length === 0 ? 'no upstream is configured' : `asked in order: ${names.upstreams.join(', ')}`
      return `Nobody claimed ${name}. Its first download decides which upstream it belongs to (${order}).`
    }
  }
}

function sourceWords(source: string): string {
  return source === LOCAL_SOURCE ? 'this index' : `the upstream ${source}`
}
