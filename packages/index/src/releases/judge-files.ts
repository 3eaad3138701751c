import type { NameAnswer } from '../names/authority.ts'
import type { DefaultPolicy } from '../names/default-policy.ts'
import { denialOfFile, denialOfName, isStanding } from '../names/denials.ts'
import type { Denial } from '../names/denials.ts'
import { mergedFilenameKey } from '../names/filename-key.ts'
import { judgeMerged } from '../names/merge-rule.ts'
import type { MergeRule, MergeVerdict } from '../names/merge-rule.ts'
import { releaseKey } from '../names/release-key.ts'
import type { FileRow, ProjectStatus } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'

/** All that decides which files of a project are given out, beside the files themselves. */
export interface Offering {
  readonly project: string
  readonly answer: NameAnswer
  /** Files of other sources do not belong to the name. */
  readonly sources: readonly string[]
  readonly status: ProjectStatus
  readonly statusReason: string | null
  /** What was denied of this project and is not lifted. */
  readonly denials: readonly Denial[]
  /** How many people approved which bytes, where the name's files need that. */
  readonly approvals: ReadonlyMap<string, number>
  readonly policy: DefaultPolicy
}

export type WithheldCode =
  | 'file-deleted'
  | 'file-unhashed'
  | 'file-withdrawn'
  | 'file-quarantined'
  | 'file-blocked'
  | 'file-unapproved'
  | 'file-cooldown'
  | 'file-merge-conflict'
  | 'file-merge-refused'
  | 'project-quarantined'
  | 'name-reserved'
  | 'name-unclaimed'
  | 'name-upstream'

/** Why a known file is not given out. */
export interface Withheld {
  readonly code: WithheldCode
  readonly reason: string
  /** ISO 8601. */
  readonly since: string | null
  /** When it will be given out, if nothing else happens: ISO 8601. */
  readonly until?: string
  /** Whether the page still shows it, as yanked, with the reason (design.md section 6). */
  readonly isListed: boolean
}

/** `withheld` of a file is undefined where it is given out. */
export interface JudgedFile {
  readonly file: FileRow
  readonly withheld: Withheld | undefined
}

export interface JudgedFiles {
  readonly files: readonly JudgedFile[]
  /** When a verdict changes by the clock alone, in milliseconds since 1970; undefined: never. */
  readonly nextChange: number | undefined
}

/**
 * Judges the files of a project (attacks.md 6.5): the one place that says which are given out, for pages, files, sidecars and JSON alike.
 * `files` are all of its sources; `now` is in milliseconds since 1970.
 */
export function judgeFiles(offering: Offering, files: readonly FileRow[], now: number): JudgedFiles {
  const { answer, denials } = offering
  const standing = denials.filter((denial) => isStanding(denial, now))
  const merged = answer.kind === 'merged' ? mergedVerdicts(answer.merge, files) : undefined
  const burned =
    answer.kind === 'merged' && answer.merge.owner === LOCAL_SOURCE ? burnedBy(answer.merge, files) : undefined
  const facts = { ...offering, denials: standing, now, merged, burned }
  const judged = files.map((file) => ({ file, withheld: judge(file, facts) }))
  const times = [
    ...denials.flatMap(({ until }) => (until === undefined ? [] : [Date.parse(until)])),
    ...judged.flatMap(({ withheld }) => (withheld?.until === undefined ? [] : [Date.parse(withheld.until)])),
  ].filter((time) => time > now)
  return { files: judged, nextChange: times.length === 0 ? undefined : Math.min(...times) }
}

interface Facts extends Offering {
  readonly now: number
  readonly merged: ReadonlyMap<FileRow, MergeVerdict> | undefined
  /** Of a merged name of this index's own: what its owner has deleted, and the other source does not fill. */
  readonly burned: Burned | undefined
}

function judge(file: FileRow, facts: Facts): Withheld | undefined {
  return (
    notThere(file, facts) ??
    denied(file, facts) ??
    (facts.merged === undefined ? undefined : mergedOut(file, facts.merged.get(file))) ??
    reused(file, facts) ??
    unapproved(file, facts) ??
    tooYoung(file, facts)
  )
}

function notThere(file: FileRow, { sources, answer }: Facts): Withheld | undefined {
  if (!sources.includes(file.source)) {
    if (answer.kind === 'refused') {
      return hidden('name-unclaimed', null, `Nobody has approved this name (${answer.pattern} is denied by default).`)
    }
    const code = sources.length === 0 || sources.includes(LOCAL_SOURCE) ? 'name-reserved' : 'name-upstream'
    return hidden(code, null, `It came from ${file.source}, which does not answer for this name.`)
  }
  if (file.deleted_at !== null) {
    return hidden('file-deleted', file.deleted_at, 'The file was deleted; its name is not used again.')
  }
  if (file.sha256 === null) {
    return hidden(
      'file-unhashed',
      file.first_seen_at,
      `${file.source} lists it without a sha256; it is offered once it was fetched and hashed here.`,
    )
  }
  if (file.withdrawn_at !== null && file.stored === 0) {
    return hidden('file-withdrawn', file.withdrawn_at, `${file.source} does not list it any more.`)
  }
  return undefined
}

function denied(file: FileRow, { project, status, statusReason, denials }: Facts): Withheld | undefined {
  const denial = denialOfName(denials) ?? denialOfFile(denials, file)
  if (denial !== undefined) {
    const code = denial.overlay === 'blocked' ? 'file-blocked' : 'file-quarantined'
    const until = denial.until === undefined ? {} : { until: denial.until }
    return { ...hidden(code, denial.since, denialSentence(denial)), ...until }
  }
  if (status !== 'quarantined') return undefined
  return hidden('project-quarantined', null, statusReason ?? `${project} is quarantined.`)
}

/** A denial for people: what, why, since when, until when. */
export function denialSentence({ n, project, version, sha256, overlay, reason, since, until }: Denial): string {
  const what =
    sha256 !== undefined ? `This file of ${project}` : version === undefined ? project : `${project} ${version}`
  const end = until === undefined ? '' : ` until ${until.slice(0, 16).replace('T', ' ')} UTC`
  return `${what} is ${overlay} since ${since.slice(0, 10)}${end} (denial ${n}): ${reason}`
}

function mergedVerdicts(
  rule: Extract<NameAnswer, { kind: 'merged' }>['merge'],
  files: readonly FileRow[],
): ReadonlyMap<FileRow, MergeVerdict> {
  const byFile = new Map(
    files
      .filter(({ deleted_at }) => deleted_at === null)
      .map((file) => [
        {
          source: file.source,
          filename: file.filename,
          version: file.version,
          kind: file.kind,
          sha256: file.sha256,
          metadataSha256: file.metadata_sha256,
        },
        file,
      ]),
  )
  const verdicts = judgeMerged(rule, [...byFile.keys()])
  return new Map(Array.from(byFile, ([key, file]) => [file, verdicts.get(key) ?? 'merge-not-allowed']))
}

const MERGE_WORDS: Readonly<Record<Exclude<MergeVerdict, 'offered'>, string>> = {
  'merge-conflict': 'The owner of this name has other bytes under this file name, and the owner’s are given out.',
  'merge-metadata-differs':
    'It says other things about this release than the owner’s files do, or does not say what it says.',
  'merge-not-allowed': 'The merge of this name does not let its source add such a file.',
  'merge-same': 'It is the owner’s file, which is offered.',
  'merge-held': 'It is newer than what was patched here, and is kept back until it is patched too.',
}

interface Burned {
  /** The place that a file takes. */
  readonly placeOf: (file: FileRow) => string
  /** When what stood in a place was deleted. */
  readonly places: ReadonlyMap<string, string>
}

/** Where whole releases are added, the owner had the whole of one that he has deleted. */
function burnedBy({ extend }: MergeRule, files: readonly FileRow[]): Burned {
  const isByRelease = extend === 'older-versions'
  const placeOf = ({ version, filename }: FileRow): string =>
    isByRelease ? releaseKey(version) : mergedFilenameKey(filename)
  const deleted = files.flatMap((file) =>
    file.source === LOCAL_SOURCE && file.deleted_at !== null ? [[placeOf(file), file.deleted_at] as const] : [],
  )
  return { placeOf, places: new Map(deleted) }
}

/** Nobody else fills the place of what its owner has deleted (attacks.md NAME-REUSE). */
function reused(file: FileRow, { burned }: Facts): Withheld | undefined {
  if (burned === undefined || burned.places.size === 0 || file.source === LOCAL_SOURCE) return undefined
  const deletedAt = burned.places.get(burned.placeOf(file))
  if (deletedAt === undefined) return undefined
  return hidden('file-merge-refused', deletedAt, 'The owner of this name has deleted what stood in its place.')
}

function mergedOut(file: FileRow, verdict: MergeVerdict | undefined): Withheld | undefined {
  if (verdict === undefined || verdict === 'offered') return undefined
  const isConflict = verdict === 'merge-conflict' || verdict === 'merge-metadata-differs'
  const code = isConflict ? 'file-merge-conflict' : 'file-merge-refused'
  return hidden(code, file.first_seen_at, MERGE_WORDS[verdict])
}

function unapproved(file: FileRow, { answer, approvals, policy, project }: Facts): Withheld | undefined {
  const needsApproval = (answer.kind === 'upstream' || answer.kind === 'undecided') && answer.needsApproval
  if (!needsApproval || file.sha256 === null) return undefined
  const given = approvals.get(file.sha256) ?? 0
  if (given >= policy.approvals) return undefined
  const have = policy.approvals === 1 ? '' : ` (${given} of ${policy.approvals} so far)`
  return {
    code: 'file-unapproved',
    since: file.first_seen_at,
    reason: `Files of ${project} need an approval here${have}.`,
    isListed: true,
  }
}

/** Design.md section 8: the age counts from the upload, unless this index has looked since and not seen the file. */
function tooYoung(file: FileRow, { policy, now, approvals, answer }: Facts): Withheld | undefined {
  if (policy.cooldown === 0 || file.source === LOCAL_SOURCE || answer.kind === 'merged') return undefined
  // People have looked at exactly these bytes.
  if (file.sha256 !== null && (approvals.get(file.sha256) ?? 0) >= policy.approvals) return undefined
  const from = Date.parse(
    file.age_from ?? (file.upload_time_source === 'upstream' ? file.upload_time : file.first_seen_at),
  )
  const eligible = from + policy.cooldown * 1000
  if (eligible <= now) return undefined
  const known = Number.isNaN(eligible) ? undefined : new Date(eligible).toISOString()
  const words =
    known === undefined
      ? `How old it is is not known, and files have to be ${daysOf(policy.cooldown)} old here.`
      : `It is withheld until ${known.slice(0, 16).replace('T', ' ')} UTC: files of upstreams have to be ${daysOf(policy.cooldown)} old here.`
  return {
    code: 'file-cooldown',
    since: file.first_seen_at,
    ...(known === undefined ? {} : { until: known }),
    reason: words,
    isListed: true,
  }
}

function daysOf(seconds: number): string {
  const days = seconds / 86_400
  return days === 1 ? 'a day' : Number.isInteger(days) ? `${days} days` : `${Math.round(seconds / 3600)} hours`
}

function hidden(code: WithheldCode, since: string | null, reason: string): Withheld {
  return { code, since, reason, isListed: false }
}
