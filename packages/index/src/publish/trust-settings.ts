import type { RoleTable } from '@waxseal/trust'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { IndexError } from '../error.ts'
import type { Database } from '../store/schema.ts'
import { REPOSITORY_SIZES, roleTable } from './role-table.ts'

const holders = z.object({ keys: z.array(z.string()).min(1), threshold: z.int().min(1) })
const settings = z.object({
  size: z.enum(Object.keys(REPOSITORY_SIZES) as [keyof typeof REPOSITORY_SIZES]),
  root: holders,
  targets: holders,
})

/**
 * How an index is signed: what its table of roles follows from, for as long as it lives. The holders are those of its first day,
 * by whom it was made; who signs since then is said by root and the delegations alone, and a ceremony changes nothing here.
 */
export type TrustSettings = z.infer<typeof settings>

/** The `setting` that holds it. */
export const TRUST_SETTING = 'trust'

/** The table of a signed index; undefined for one that is not signed. @throws IndexError `storage-failed` */
export async function readRoleTable(db: Kysely<Database>): Promise<RoleTable | undefined> {
  const row = await db.selectFrom('setting').select('value').where('key', '=', TRUST_SETTING).executeTakeFirst()
  if (row === undefined) return undefined
  const read = settings.safeParse(JSON.parse(row.value))
  if (!read.success) {
    throw new IndexError('storage-failed', `The setting ${TRUST_SETTING} in the database is not what Waxseal writes.`)
  }
  const { size, root, targets } = read.data
  return roleTable(size, { root, targets })
}

/** Whether an index is signed, for whoever is inside of a transaction. */
export async function isSigned(db: Kysely<Database>): Promise<boolean> {
  const row = await db.selectFrom('setting').select('key').where('key', '=', TRUST_SETTING).executeTakeFirst()
  return row !== undefined
}
