import { createHash } from 'node:crypto'
import type { Transaction } from 'kysely'
import { FIRST_DOWNLOAD } from '../access/actor.ts'
import type { Actor } from '../access/actor.ts'
import type { Database, DecisionRow } from '../store/schema.ts'
import { recordAction, recordEvent } from '../telemetry/events.ts'

/** What was decided; the evidence says what was known at that moment. */
export type DecisionBody =
  | { readonly kind: 'claim'; readonly by: 'upload' | 'administrator'; readonly evidence: readonly string[] }
  | { readonly kind: 'upstream'; readonly upstream: string; readonly evidence: readonly string[] }
  /** Who held the project, and who holds it now: `alice`, `team:billing`. */
  | { readonly kind: 'transfer'; readonly from: readonly string[]; readonly to: string }
  | { readonly kind: 'status'; readonly status: string; readonly reason: string | null }

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
    case 'status':
      return `Status set to ${body.status}${body.reason === null ? '' : `: ${body.reason}`}.`
  }
}

/** The hash that chains a name's decisions: over a fixed key order, so that anyone can recompute it. */
export function decisionHash(row: Omit<DecisionRow, 'hash'>): string {
  const { project, rev, at, actor, body, prev } = row
  return createHash('sha256').update(JSON.stringify({ project, rev, at, actor, body, prev })).digest('hex')
}

/**
 * Appends a decision about `project` (which must exist) and returns its number; the caller journals the change. `before` is
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
  const last = await tx
    .selectFrom('decision')
    .select(['rev', 'hash'])
    .where('project', '=', decision.project)
    .orderBy('rev', 'desc')
    .limit(1)
    .executeTakeFirst()
  const known = await tx.selectFrom('project').select('rev').where('name', '=', decision.project).executeTakeFirst()
  const row = {
    project: decision.project,
    // A restored index has raised it above all that its lost history can have given.
    rev: Math.max(last?.rev ?? 0, known?.rev ?? 0) + 1,
    at: decision.at,
    actor: decision.actor.name,
    body: JSON.stringify(decision.body),
    prev: last?.hash ?? null,
  }
  await tx
    .insertInto('decision')
    .values({ ...row, hash: decisionHash(row) })
    .execute()
  await tx.updateTable('project').set({ rev: row.rev }).where('name', '=', decision.project).execute()
  const { at, rev } = row
  const { project, body, actor: by, before } = decision
  // A transfer is told by whoever makes it.
  if (body.kind === 'transfer') return rev
  const told =
    body.kind === 'status'
      ? ({ kind: 'status-changed', detail: { rev, status: body.status, reason: body.reason } } as const)
      : ({ kind: 'authority-decided', detail: { rev, decision: body } } as const)
  // A rule that a download met is nobody's action.
  if (by === FIRST_DOWNLOAD) await recordEvent(tx, { ...told, project, at, actor: by.name })
  else await recordAction(tx, { ...told, project, at, by, before, after: body })
  return rev
}
