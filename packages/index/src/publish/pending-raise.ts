import { raiseVersions, rowOf } from '@waxseal/trust'
import type { PublishChanges, RepositoryState } from '@waxseal/trust'
import type { Kysely, Transaction } from 'kysely'
import { z } from 'zod'
import type { Database } from '../store/schema.ts'

/** The `setting` that is there from a restore until the first publish after it. */
const RAISE_SETTING = 'trust-raise'

const schema = z.object({ jump: z.int().min(1) })

/**
 * By how much the versions of a restored index have to rise above those of its backup, so that they are above all that its lost
 * history can have published (attacks.md RB-BAK); undefined when they are there already.
 */
export async function pendingRaise(db: Kysely<Database>): Promise<number | undefined> {
  const row = await db.selectFrom('setting').select('value').where('key', '=', RAISE_SETTING).executeTakeFirst()
  return row === undefined ? undefined : schema.parse(JSON.parse(row.value)).jump
}

/** Has the next publish raise all versions. A backup of an index that waits for that itself is short of both times. */
export async function noteRaise(tx: Transaction<Database>, jump: number): Promise<void> {
  const value = JSON.stringify({ jump: ((await pendingRaise(tx)) ?? 0) + jump } satisfies z.infer<typeof schema>)
  await tx
    .insertInto('setting')
    .values({ key: RAISE_SETTING, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

/** They are raised, with this transaction. */
export async function forgetRaise(tx: Transaction<Database>): Promise<void> {
  await tx.deleteFrom('setting').where('key', '=', RAISE_SETTING).execute()
}

/**
 * Versions for all roles whose keys the server holds. Those of others stay: they change in ceremonies alone, and what one of the
 * lost ones signed can be brought in again, under the very version that clients have seen.
 */
export function renumberBy(state: RepositoryState, jump: number): NonNullable<PublishChanges['renumber']> {
  const isOnline = (role: string): boolean => rowOf(state.layout, role)?.online === true
  return raiseVersions(state, (role, version) => (isOnline(role) ? version + jump : version)).renumber
}
