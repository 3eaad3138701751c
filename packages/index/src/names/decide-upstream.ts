import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Database } from '../store/schema.ts'
import { recordDecision } from './decisions.ts'

/**
 * Decides, once, which upstream a name belongs to that nobody has decided about: `upstream` is the first in order that has it while all
 * before it said no, `evidence` what each said (design.md section 8). False: somebody has decided meanwhile. The caller journals it.
 */
export async function decideUpstream(
  tx: Transaction<Database>,
  decision: {
    readonly project: string
    readonly upstream: string
    readonly evidence: readonly string[]
    readonly at: string
    readonly actor: Actor
  },
): Promise<boolean> {
  const { project, upstream, evidence, at, actor } = decision
  const row = await tx.selectFrom('project').select('authority').where('name', '=', project).executeTakeFirst()
  if (row?.authority !== 'unclaimed') return false
  await tx.updateTable('project').set({ authority: 'upstream', upstream }).where('name', '=', project).execute()
  await recordDecision(tx, { project, at, actor, body: { kind: 'upstream', upstream, evidence } })
  return true
}
