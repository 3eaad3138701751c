import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { ANOMALY_FILES } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import { neededReason } from '../releases/change-outcome.ts'
import type { ChangeOutcome } from '../releases/change-outcome.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database, ProjectRow } from '../store/schema.ts'
import { recordEvent } from '../telemetry/events.ts'
import type { NamesConfig } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import { recordDecision } from './decisions.ts'
import { LOCAL_SOURCE } from './local-source.ts'
import { judgeMerged, mergeDocument, mergeRuleProblem, upstreamOf } from './merge-rule.ts'
import type { MergeRule } from './merge-rule.ts'
import { insertProject } from './project-row.ts'
import { askForOpening, sealedRecord } from './sealed-names.ts'

export interface MergeRequest {
  readonly project: string
  /** Who agrees for the owner of the name is said by `consent`. */
  readonly rule: Omit<MergeRule, 'consent'>
  /** Who of the owner's side agreed; absent: the administrator who decides agrees for it. */
  readonly consent?: string | undefined
  readonly reason: string
}

interface At {
  /** ISO 8601. */
  readonly at: string
  readonly actor: Actor
}

/**
 * Lets a second source add to a name, by an explicit statement of an administrator with the consent of the owner's side (design.md section
 * 8; attacks.md 6.5 rows 15 to 20). The owner is whom the name belongs to already: a merge never changes hands. Of a sealed name it waits
 * for the name's holders.
 */
export async function merge(
  tx: Transaction<Database>,
  { project, rule: asked, consent, reason }: MergeRequest,
  { at, actor }: At,
  names: NamesConfig,
): Promise<ChangeOutcome> {
  const why = neededReason(reason)
  if (typeof why === 'object') return why
  const rule: MergeRule = { ...asked, consent: consent ?? actor.name }
  const problem = mergeRuleProblem(rule) ?? sourcesProblem(rule, names)
  if (problem !== undefined) return refuse('bad-request', `The merge ${problem}.`)
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const stranger = wrongOwner(project, rule.owner, row)
  if (stranger !== undefined) return stranger
  if (row?.authority === 'merged' && row.merge_rule === ruleText(rule)) return { kind: 'unchanged' }
  if ((await sealedRecord(tx, project)) !== undefined) {
    return askForOpening(tx, { project, kind: 'merge', body: mergeDocument(rule), at, actor })
  }
  if (row === undefined) await insertProject(tx, { name: project, authority: 'unclaimed', upstream: null, at })
  await tx
    .updateTable('project')
    .set({ authority: 'merged', upstream: upstreamOf(rule), merge_rule: ruleText(rule) })
    .where('name', '=', project)
    .execute()
  const consentBy = consent === undefined ? 'administrator' : 'owner'
  await recordDecision(tx, { project, at, actor, body: { kind: 'merge', rule, consentBy, reason: why } })
  await noteMergeConflicts(tx, project, at)
  return { kind: 'done', seq: await appendJournal(tx, { project, action: 'merge', at, actor: actor.name }) }
}

/** Ends a merge: the name goes on with the one source that it belongs to. Of a sealed name that waits for its holders. */
export async function unmerge(
  tx: Transaction<Database>,
  { project, reason }: { readonly project: string; readonly reason: string },
  { at, actor }: At,
): Promise<ChangeOutcome> {
  const why = neededReason(reason)
  if (typeof why === 'object') return why
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const rule = row && mergeOf(row)
  if (rule === undefined) return { kind: 'unchanged' }
  if ((await sealedRecord(tx, project)) !== undefined) {
    return askForOpening(tx, { project, kind: 'merge', body: null, at, actor })
  }
  const owner =
    rule.owner === LOCAL_SOURCE
      ? ({ authority: 'internal', upstream: null } as const)
      : ({ authority: 'upstream', upstream: rule.owner } as const)
  await tx
    .updateTable('project')
    .set({ ...owner, merge_rule: null })
    .where('name', '=', project)
    .execute()
  await recordDecision(tx, { project, at, actor, body: { kind: 'unmerge', owner: rule.owner, reason: why } })
  return { kind: 'done', seq: await appendJournal(tx, { project, action: 'merge', at, actor: actor.name }) }
}

/**
 * Tells, once, of files of the second source that lie under a name of the owner's with other bytes (attacks.md DC-2): the owner's are given
 * out. To be called wherever files of a project were added, in that transaction.
 */
export async function noteMergeConflicts(tx: Transaction<Database>, project: string, at: string): Promise<void> {
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const rule = row && mergeOf(row)
  if (rule === undefined) return
  const rows = await tx
    .selectFrom('file')
    .select(['source', 'filename', 'version', 'kind', 'sha256', 'metadata_sha256'])
    .where('project', '=', project)
    .where('source', 'in', [rule.owner, rule.extender])
    .where('deleted_at', 'is', null)
    .orderBy('filename')
    .execute()
  const verdicts = judgeMerged(
    rule,
    rows.map(({ metadata_sha256: metadataSha256, ...file }) => ({ ...file, metadataSha256 })),
  )
  const conflicts = Array.from(verdicts)
    .filter(([, verdict]) => verdict === 'merge-conflict')
    .map(([{ filename, sha256 }]) => ({ filename, sha256 }))
  if (conflicts.length === 0) return
  const detail = { source: rule.extender, count: conflicts.length, files: conflicts.slice(0, ANOMALY_FILES) }
  const last = await tx
    .selectFrom('event')
    .select('detail')
    .where('project', '=', project)
    .where('kind', '=', 'merge-conflict')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (last?.detail === JSON.stringify(detail)) return
  await recordEvent(tx, { kind: 'merge-conflict', at, actor: null, project, detail })
}

function mergeOf(row: ProjectRow): MergeRule | undefined {
  const { authority, merge: rule } = claimedName(row)
  return authority === 'merged' ? (rule ?? undefined) : undefined
}

function ruleText(rule: MergeRule): string {
  return JSON.stringify(mergeDocument(rule))
}

/** What is wrong with the sources of a rule, in words that follow "the merge". */
function sourcesProblem({ owner, extender }: MergeRule, { upstreams }: NamesConfig): string | undefined {
  if (owner !== LOCAL_SOURCE && extender !== LOCAL_SOURCE) {
    return `has two upstreams: one of its sources is "${LOCAL_SOURCE}", which is this index`
  }
  const upstream = upstreamOf({ owner, extender })
  return upstreams.includes(upstream) ? undefined : `names ${upstream}, which is no upstream of this index`
}

function wrongOwner(project: string, owner: string, row: ProjectRow | undefined): Refusal | undefined {
  const { authority = 'unclaimed', upstream = null } = row ?? {}
  const now = row && mergeOf(row)?.owner
  if (now !== undefined) {
    return now === owner
      ? undefined
      : refuse('conflict', `${project} belongs to ${now}, and a merge never changes that.`)
  }
  if (owner === LOCAL_SOURCE) {
    return authority === 'internal'
      ? undefined
      : refuse(
          'conflict',
          `${project} does not belong to this index: claim it first (waxseal project claim ${project}).`,
        )
  }
  if (authority === 'internal')
    return refuse('conflict', `${project} belongs to this index, and a merge never changes that.`)
  return authority === 'unclaimed' || upstream === owner
    ? undefined
    : refuse('conflict', `${project} belongs to ${upstream ?? 'nobody'}, and a merge never changes that.`)
}
