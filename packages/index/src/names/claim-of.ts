import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import type { DecisionBody } from './decisions.ts'

/** The claim that made a project internal. */
export interface RecordedClaim {
  /** ISO 8601. */
  readonly at: string
  readonly actor: string
  readonly by: 'upload' | 'administrator'
}

/** The newest claim of `project`; undefined where none is recorded. */
export async function claimOf(db: Kysely<Database>, project: string): Promise<RecordedClaim | undefined> {
  const decisions = db.selectFrom('decision').select(['at', 'actor', 'body']).where('project', '=', project)
  for (const { at, actor, body } of await decisions.orderBy('rev', 'desc').execute()) {
    const decided = JSON.parse(body) as DecisionBody
    if (decided.kind === 'claim') return { at, actor, by: decided.by }
  }
  return undefined
}
