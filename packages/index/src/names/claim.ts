import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Holder } from '../register/holder.ts'
import { putMember } from '../register/members.ts'
import type { Database } from '../store/schema.ts'
import { recordEvent } from '../telemetry/events.ts'
import { noteClaim } from './claim-limit.ts'
import { recordDecision } from './decisions.ts'
import type { LikeName } from './name-objections.ts'
import { insertProject } from './project-row.ts'

/** Whether a name could be had elsewhere, asked of every upstream in order. */
export type UpstreamPresence =
  | { readonly kind: 'absent'; readonly evidence: readonly string[] }
  | { readonly kind: 'present'; readonly upstream: string }
  | { readonly kind: 'unknown'; readonly upstream: string; readonly reason: string; readonly unasked?: string }

/**
 * Makes `project` internal by a recorded decision, in the transaction of the upload or command that claims it.
 * Does nothing when it is internal already. `allowed` is decided before (`releases/`, `http/`): this only records.
 */
export async function recordClaim(
  tx: Transaction<Database>,
  claim: {
    readonly project: string
    readonly displayName: string
    readonly at: string
    readonly actor: Actor
    readonly by: 'upload' | 'administrator'
    readonly evidence: readonly string[]
    /** Who owns it from now on; absent: nobody, and whoever may upload may upload to it. */
    readonly owner?: Holder | undefined
    /** What the name is like. */
    readonly likes?: readonly LikeName[] | undefined
  },
): Promise<'claimed' | 'already-internal'> {
  const existing = await tx
    .selectFrom('project')
    .select(['authority', 'upstream'])
    .where('name', '=', claim.project)
    .executeTakeFirst()
  if (existing?.authority === 'internal') return 'already-internal'
  if (existing === undefined) {
    const { project: name, displayName, at } = claim
    await insertProject(tx, { name, displayName, authority: 'internal', upstream: null, at })
  } else {
    await tx
      .updateTable('project')
      .set({ authority: 'internal', upstream: null, merge_rule: null, display_name: claim.displayName })
      .where('name', '=', claim.project)
      .execute()
  }
  await recordDecision(tx, {
    project: claim.project,
    at: claim.at,
    actor: claim.actor,
    body: { kind: 'claim', by: claim.by, evidence: claim.evidence },
    before: existing ?? null,
  })
  const { project, at, owner, actor } = claim
  if (claim.by === 'upload') await noteClaim(tx, { project, at, actor })
  if (owner !== undefined) await putMember(tx, { project, holder: owner, role: 'owner', at })
  for (const detail of claim.likes ?? []) {
    await recordEvent(tx, { kind: 'name-look-alike', at, actor: actor.name, project, detail })
  }
  return 'claimed'
}
