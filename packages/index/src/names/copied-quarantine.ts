import type { Transaction } from 'kysely'
import { MAX_REASON_LENGTH } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { claimedName } from './claimed-name.ts'
import { deny } from './denying.ts'
import { sealedRecord } from './sealed-names.ts'

/**
 * Denies a sealed name that its upstream has quarantined: what is copied lifts with the upstream, and opening a sealed name needs its
 * holders (design.md section 7). To be called, in that transaction, wherever the one or the other comes true.
 */
export async function keepQuarantine(tx: Transaction<Database>, project: string, at: string): Promise<void> {
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  if (row === undefined || (await sealedRecord(tx, project)) === undefined) return
  const { authority, upstream, merge } = claimedName(row)
  // Whoever only adds to a name does not close it.
  const owner = authority === 'merged' ? merge?.owner : upstream
  const page = await tx
    .selectFrom('upstream_page')
    .select('status_reason')
    .where('project', '=', project)
    .where('upstream', '=', owner ?? '')
    .where('status', '=', 'quarantined')
    .executeTakeFirst()
  if (page === undefined) return
  const name = `upstream:${owner ?? ''}`
  const standing = await tx
    .selectFrom('denial')
    .select('n')
    .where('project', '=', project)
    .where('denied_by', '=', name)
    .where('lifted_at', 'is', null)
    .executeTakeFirst()
  if (standing !== undefined) return
  const said = page.status_reason === null ? '' : `: ${page.status_reason}`
  // Cut first: what is left of a character that the end went through may stand on no line either.
  const reason = `${owner ?? ''} has quarantined it${said}`
    .slice(0, MAX_REASON_LENGTH)
    .replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, ' ')
  const outcome = await deny(
    tx,
    { project },
    { overlay: 'quarantined', reason },
    { at, actor: { name, credential: null, address: null } },
  )
  // Nobody would try again: the next listing is quarantined as before.
  if (outcome.kind === 'refused') throw new Error(`The quarantine of ${project} is not copied: ${outcome.message}`)
}
