import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import { countedApprovals } from './approvals.ts'
import type { ClaimedName, NamesConfig } from './authority.ts'
import { answerFor, sourcesOf } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import type { DecisionBody } from './decisions.ts'
import { OPEN_DEFAULT } from './default-policy.ts'
import type { NameRecord } from './name-record.ts'

/** What a record says once holders have sealed it, beside what the server claims. */
export interface Sealing {
  /** ISO 8601. */
  readonly at: string
  readonly by: string
  /** Files as they are now, by name: of an internal name nothing else is offered from then on. Undefined: developers sign its files. */
  readonly frozen: ReadonlyMap<string, string> | undefined
  /** Denials that it lifts, beside those that are lifted already. */
  readonly lifts: readonly number[]
  /** Who answers from then on, where that is another than before. */
  readonly claimed?: ClaimedName | undefined
}

/**
 * The record of a project, as the server claims it or as holders seal it (`sealing`: the next decision about the name); undefined where
 * nothing was decided about it. It follows from the decisions about the name, from what was approved and lifted, and from the default
 * for names that need approvals.
 */
export async function recordOf(
  db: Kysely<Database>,
  name: string,
  names: NamesConfig,
  sealing?: Sealing,
): Promise<NameRecord | undefined> {
  const project = await db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
  if (project === undefined || project.rev === 0) return undefined
  const decision = await db
    .selectFrom('decision')
    .selectAll()
    .where('project', '=', name)
    .orderBy('rev', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (decision === undefined) return undefined
  const claimed = sealing?.claimed ?? claimedName(project)
  const answer = answerFor(name, claimed, names)
  const lifted = await db
    .selectFrom('denial')
    .select('n')
    .where('project', '=', name)
    .where('lifted_at', 'is not', null)
    .orderBy('n')
    .execute()
  const needsApproval = (answer.kind === 'upstream' || answer.kind === 'undecided') && answer.needsApproval
  const files = await vouchedFiles(db, name, names, needsApproval, sealing)
  const reason = reasonOf(JSON.parse(decision.body) as DecisionBody)
  return {
    name,
    ...(sealing === undefined
      ? { rev: project.rev, prev: decision.prev }
      : { rev: Math.max(project.rev, decision.rev) + 1, prev: decision.hash }),
    authority: claimed.authority,
    sources: sourcesOf(answer, null),
    ...(claimed.authority === 'merged' && claimed.merge ? { merge: claimed.merge } : {}),
    ...(files === undefined ? {} : { files }),
    closed: needsApproval || (claimed.authority === 'internal' && sealing?.frozen !== undefined),
    lifts: [...new Set([...lifted.map(({ n }) => n), ...(sealing?.lifts ?? [])])].toSorted((a, b) => a - b),
    since: sealing?.at ?? decision.at,
    by: sealing?.by ?? decision.actor,
    ...(reason === undefined || sealing !== undefined ? {} : { reason }),
  }
}

async function vouchedFiles(
  db: Kysely<Database>,
  name: string,
  { policy = OPEN_DEFAULT }: NamesConfig,
  needsApproval: boolean,
  sealing: Sealing | undefined,
): Promise<ReadonlyMap<string, string> | undefined> {
  if (sealing?.frozen !== undefined) return sealing.frozen
  if (needsApproval) return await approvedFiles(db, name, policy.approvals)
  if (sealing === undefined) return undefined
  // Where they need not be approved, some may have been all the same: those survive the loss of the server.
  const approved = await approvedFiles(db, name, policy.approvals)
  return approved.size === 0 ? undefined : approved
}

/** Files that enough people have approved, by name. */
export async function approvedFiles(
  db: Kysely<Database>,
  project: string,
  approvals: number,
): Promise<ReadonlyMap<string, string>> {
  const counted = await countedApprovals(db, project, approvals)
  const enough = Array.from(counted).filter(([, given]) => given.length >= approvals)
  return new Map(
    enough.flatMap(([sha256, [first]]) => (first === undefined ? [] : [[first.filename, sha256] as const])),
  )
}

function reasonOf(body: DecisionBody): string | undefined {
  const reason = 'reason' in body ? body.reason : undefined
  return reason === undefined || reason === null || reason === '' ? undefined : reason
}
