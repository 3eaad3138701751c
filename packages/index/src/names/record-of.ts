import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import { answerFor, sourcesOf } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import type { DecisionBody } from './decisions.ts'
import { OPEN_DEFAULT } from './default-policy.ts'
import type { NameRecord } from './name-record.ts'

/**
 * The record of a project, as the server claims it; undefined where nothing was decided about it. It follows from the decisions about
 * the name, from what was approved and lifted, and from the default for names that need approvals.
 */
export async function recordOf(
  db: Kysely<Database>,
  name: string,
  names: NamesConfig,
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
  const claimed = claimedName(project)
  const answer = answerFor(name, claimed, names)
  const lifted = await db
    .selectFrom('denial')
    .select('n')
    .where('project', '=', name)
    .where('lifted_at', 'is not', null)
    .orderBy('n')
    .execute()
  const needsApproval = (answer.kind === 'upstream' || answer.kind === 'undecided') && answer.needsApproval
  const files = needsApproval ? await approvedFiles(db, name, (names.policy ?? OPEN_DEFAULT).approvals) : undefined
  const reason = reasonOf(JSON.parse(decision.body) as DecisionBody)
  return {
    name,
    rev: project.rev,
    prev: decision.prev,
    authority: project.authority,
    sources: sourcesOf(answer, null),
    ...(claimed.authority === 'merged' && claimed.merge ? { merge: claimed.merge } : {}),
    ...(files === undefined ? {} : { files }),
    closed: needsApproval,
    lifts: lifted.map(({ n }) => n),
    since: decision.at,
    by: decision.actor,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** Files that enough people have approved, by name. */
export async function approvedFiles(
  db: Kysely<Database>,
  project: string,
  approvals: number,
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('approval')
    .select(({ fn }) => ['sha256', fn.min('filename').as('filename'), fn.countAll<number>().as('approvers')])
    .where('project', '=', project)
    .groupBy('sha256')
    .execute()
  return new Map(
    rows.filter(({ approvers }) => approvers >= approvals).map(({ filename, sha256 }) => [filename, sha256]),
  )
}

function reasonOf(body: DecisionBody): string | undefined {
  const reason = 'reason' in body ? body.reason : undefined
  return reason === undefined || reason === null || reason === '' ? undefined : reason
}
