import { createHash } from 'node:crypto'
import type { Transaction } from 'kysely'
import { FIRST_DOWNLOAD } from '../access/actor.ts'
import type { Actor } from '../access/actor.ts'
import type { Database, DecisionRow } from '../store/schema.ts'
import { ANOMALY_FILES } from '../limits.ts'
import { recordAction, recordEvent } from '../telemetry/events.ts'
import type { Overlay } from './denials.ts'
import type { MergeRule } from './merge-rule.ts'
import type { Namespace } from './namespaces.ts'

/** What was granted; at the end of a grant, what it had been. */
export type NamespaceTerms = Pick<Namespace, 'owner' | 'visibility' | 'claims'>

/** What was decided; the evidence says what was known at that moment. */
export type DecisionBody =
  | { readonly kind: 'claim'; readonly by: 'upload' | 'administrator'; readonly evidence: readonly string[] }
  | { readonly kind: 'upstream'; readonly upstream: string; readonly evidence: readonly string[] }
  /** Who held the project, and who holds it now: `alice`, `team:billing`. */
  | { readonly kind: 'transfer'; readonly from: readonly string[]; readonly to: string }
  | { readonly kind: 'status'; readonly status: string; readonly reason: string | null }
  | {
      readonly kind: 'deny'
      readonly n: number
      readonly overlay: Overlay
      readonly version?: string | undefined
      readonly sha256?: string | undefined
      /** By which the bytes were meant. */
      readonly filename?: string | undefined
      readonly reason: string
      readonly until?: string | undefined
    }
  | { readonly kind: 'lift'; readonly n: number; readonly reason: string }
  | { readonly kind: 'approve'; readonly files: readonly ApprovedFile[]; readonly needed: number }
  | { readonly kind: 'unapprove'; readonly files: readonly ApprovedFile[] }
  | {
      readonly kind: 'merge'
      readonly rule: MergeRule
      /** Who spoke for the owner's side: one of it, or the administrator who decided. */
      readonly consentBy: 'owner' | 'administrator'
      readonly reason: string
    }
  | { readonly kind: 'unmerge'; readonly owner: string; readonly reason: string }
  | ({ readonly kind: 'namespace-grant' | 'namespace-change' | 'namespace-end' } & NamespaceTerms)
  /** `record`: the sha256 of what the holders signed; `files`: how many it vouches for; `lifts`: denials that it lifts. */
  | {
      readonly kind: 'sealed'
      readonly record: string
      readonly files: number
      readonly lifts: readonly number[]
    }
  | { readonly kind: 'unsealed' }

/** A file whose bytes were approved; `approvals`: by how many people so far. */
export interface ApprovedFile {
  readonly filename: string
  readonly sha256: string
  readonly approvals: number
}

/** Names of files that a sentence gives. */
const TOLD_FILES = 3

/** A decision for people. */
export function decisionSentence(body: DecisionBody): string {
  switch (body.kind) {
    case 'claim': {
      const how = body.by === 'administrator' ? 'by an administrator' : 'with its first upload'
      const asked = body.evidence.length === 0 ? '' : `; asked before: ${body.evidence.join(', ')}`
      return `Claimed for this index ${how}${asked}.`
    }
    case 'upstream':
      return `Belongs to the upstream ${body.upstream} (${body.evidence.join(', ')}).`
    case 'transfer':
      return `Handed over from ${body.from.length === 0 ? 'nobody' : body.from.join(', ')} to ${body.to}.`
    case 'sealed': {
      const files = body.files === 0 ? '' : `, with ${body.files} file${body.files === 1 ? '' : 's'}`
      const lifts = body.lifts.length === 0 ? '' : `; lifted: ${body.lifts.map((n) => `denial ${n}`).join(', ')}`
      return `Sealed by the holders${files}${lifts}.`
    }
    case 'unsealed':
      return 'Its holders have taken the seal away.'
    case 'status':
      return `Status set to ${body.status}${body.reason === null ? '' : `: ${body.reason}`}.`
    case 'deny': {
      const { n, overlay, version, sha256, filename, reason, until } = body
      const file = filename === undefined ? 'a file' : `the file ${filename}`
      const what =
        sha256 !== undefined
          ? `${file} (sha256 ${sha256})`
          : version === undefined
            ? 'the whole name'
            : `release ${version}`
      const done = overlay === 'blocked' ? 'Blocked' : 'Quarantined'
      return `${done} ${what}${until === undefined ? '' : ` until ${until}`} (denial ${n}): ${reason}`
    }
    case 'lift':
      return `Lifted denial ${body.n}: ${body.reason}`
    case 'approve': {
      const open = body.files.filter(({ approvals }) => approvals < body.needed).length
      const lacking = open === 0 ? '' : `; ${open} of them need more approvals (${body.needed} each)`
      return `Approved ${filesText(body.files)}${lacking}.`
    }
    case 'unapprove':
      return `Took back the approval of ${filesText(body.files)}.`
    case 'merge': {
      const { owner, extender, extend, versions, newer, consent } = body.rule
      const how = [extend, ...(versions === undefined ? [] : [versions]), ...(newer === undefined ? [] : [newer])]
      const whose = body.consentBy === 'owner' ? 'of the owner’s side' : 'the administrator, for the owner’s side'
      return `Merged: belongs to ${owner}, ${extender} may add to it (${how.join(', ')}); agreed by ${consent}, ${whose}: ${body.reason}`
    }
    case 'unmerge':
      return `Merged no more, and goes on with ${body.owner} alone: ${body.reason}`
    case 'namespace-grant':
      return `Granted to ${termsText(body)}.`
    case 'namespace-change':
      return `Changed: it is of ${termsText(body)}.`
    case 'namespace-end':
      return `The grant to ${body.owner} ended.`
  }
}

function termsText({ owner, visibility, claims }: NamespaceTerms): string {
  return `${owner}, ${visibility}, with ${claims} claims`
}

function filesText(files: readonly ApprovedFile[]): string {
  const told = files.slice(0, TOLD_FILES).map(({ filename, sha256 }) => `${filename} (sha256 ${sha256})`)
  const more = files.length - told.length
  return `${told.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}

/** The hash that chains a name's decisions: over a fixed key order, so that anyone can recompute it. */
export function decisionHash(row: Omit<DecisionRow, 'hash'>): string {
  const { project, rev, at, actor, body, prev } = row
  return createHash('sha256').update(JSON.stringify({ project, rev, at, actor, body, prev })).digest('hex')
}

/**
 * Appends a decision about `project` (a project that exists, or the subject of a namespace) and returns its number; the caller journals the change. `before` is
 * what it changes, for the audit.
 */
export async function recordDecision(
  tx: Transaction<Database>,
  decision: {
    readonly project: string
    readonly at: string
    readonly actor: Actor
    readonly body: DecisionBody
    readonly before?: unknown
  },
): Promise<number> {
  const row = await nextDecision(tx, decision)
  await appendDecision(tx, row)
  const { at, rev } = row
  const { project, body, actor: by, before } = decision
  const told = toldOf(body, rev)
  if (told === undefined) return rev
  // A rule that a download met is nobody's action.
  if (by === FIRST_DOWNLOAD) await recordEvent(tx, { ...told, project, at, actor: by.name })
  else await recordAction(tx, { ...told, project, at, by, before, after: body })
  return rev
}

/** The event of a decision; a transfer is told by whoever makes it. */
function toldOf(body: DecisionBody, rev: number) {
  switch (body.kind) {
    case 'transfer':
      return undefined
    case 'status':
      return { kind: 'status-changed', detail: { rev, status: body.status, reason: body.reason } } as const
    case 'deny':
      return { kind: 'denied', detail: { rev, decision: body } } as const
    case 'lift':
      return { kind: 'lifted', detail: { rev, decision: body } } as const
    case 'approve':
    case 'unapprove': {
      const detail = { rev, count: body.files.length, files: body.files.slice(0, ANOMALY_FILES) }
      return { kind: body.kind === 'approve' ? 'files-approved' : 'files-unapproved', detail } as const
    }
    default:
      return { kind: 'authority-decided', detail: { rev, decision: body } } as const
  }
}

/** The row that a decision comes to on top of those before; nothing is written. */
export async function nextDecision(
  tx: Transaction<Database>,
  decision: { readonly project: string; readonly at: string; readonly actor: Actor; readonly body: DecisionBody },
): Promise<Omit<DecisionRow, 'hash'>> {
  const last = await tx
    .selectFrom('decision')
    .select(['rev', 'hash'])
    .where('project', '=', decision.project)
    .orderBy('rev', 'desc')
    .limit(1)
    .executeTakeFirst()
  const project = await tx.selectFrom('project').select('rev').where('name', '=', decision.project).executeTakeFirst()
  return {
    project: decision.project,
    // A restored index has raised it above all that its lost history can have given.
    rev: Math.max(last?.rev ?? 0, project?.rev ?? 0) + 1,
    at: decision.at,
    actor: decision.actor.name,
    body: JSON.stringify(decision.body),
    prev: last?.hash ?? null,
  }
}

/** Writes the row of a decision. */
export async function appendDecision(tx: Transaction<Database>, row: Omit<DecisionRow, 'hash'>): Promise<void> {
  const { project, rev } = row
  await tx
    .insertInto('decision')
    .values({ ...row, hash: decisionHash(row) })
    .execute()
  await tx.updateTable('project').set({ rev }).where('name', '=', project).where('rev', '<', rev).execute()
}
