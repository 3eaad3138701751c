import type { Kysely } from 'kysely'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { RUNNING_NODE_MS } from '../limits.ts'
import type { Database } from './schema.ts'

/**
 * Between which times, both included and as they are stored, a server that runs has said last that it does. One much
 * later is from before a clock was set back, and would else run for ever; hosts may differ a little.
 */
export function seenWhileRunning(clock: Clock): { readonly from: string; readonly to: string } {
  const at = (ms: number): string => new Date(clock.now() + ms).toISOString()
  return { from: at(-RUNNING_NODE_MS), to: at(RUNNING_NODE_MS) }
}

/** For what cannot be done beside a server. @throws IndexError `conflict` while one runs that says so: a read-only one does not */
export async function refuseBesideServer(db: Kysely<Database>, clock: Clock): Promise<void> {
  const { from, to } = seenWhileRunning(clock)
  const nodes = db.selectFrom('node').selectAll().where('seen_at', '>=', from).where('seen_at', '<=', to)
  const node = await nodes.limit(1).executeTakeFirst()
  if (node === undefined) return
  throw new IndexError(
    'conflict',
    `A server of version ${node.version} runs on this database (${node.id}, last seen at ${node.seen_at}). Stop it first; one that was killed counts as running for ${RUNNING_NODE_MS / 1000} seconds.`,
  )
}
