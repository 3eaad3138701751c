import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Database, DenialTable } from '../store/schema.ts'
import type { Denial } from './denials.ts'

export type DenialRow = Selectable<DenialTable>

/** What was denied of a project and is not lifted, by its numbers; some of it may have ended by the clock. */
export async function standingDenials(db: Kysely<Database>, project: string): Promise<readonly Denial[]> {
  const rows = db.selectFrom('denial').selectAll().where('project', '=', project).where('lifted_at', 'is', null)
  return (await rows.orderBy('n').execute()).map(denialOf)
}

/** The deny list of a shard, by numbers. */
export async function denialsOfShard(db: Kysely<Database>, shard: string): Promise<readonly Denial[]> {
  const rows = db.selectFrom('denial').selectAll().where('shard', '=', shard).where('lifted_at', 'is', null)
  return (await rows.orderBy('n').execute()).map(denialOf)
}

export function denialOf({ n, project, version, sha256, overlay, reason, since, until }: DenialRow): Denial {
  return {
    n,
    project,
    ...(version === null ? {} : { version }),
    ...(sha256 === null ? {} : { sha256 }),
    overlay,
    reason,
    since,
    ...(until === null ? {} : { until }),
  }
}

/** The `setting` with the least number that the next denial may have. */
const NEXT_SETTING = 'denial-next'

/** A number that no denial of this index has had, in the transaction that uses it. */
export async function nextDenialNumber(tx: Transaction<Database>): Promise<number> {
  const { last } = await tx
    .selectFrom('denial')
    .select(({ fn }) => fn.max('n').as('last'))
    .executeTakeFirstOrThrow()
  const noted = await tx.selectFrom('setting').select('value').where('key', '=', NEXT_SETTING).executeTakeFirst()
  return Math.max((last ?? 0) + 1, Number(noted?.value ?? 1))
}

/** From now on numbers are above all that a restored index's lost history can have given. */
export async function noteDenialJump(tx: Transaction<Database>, jump: number): Promise<void> {
  const value = String((await nextDenialNumber(tx)) + jump)
  await tx
    .insertInto('setting')
    .values({ key: NEXT_SETTING, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
