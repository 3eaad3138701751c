import type { Kysely } from 'kysely'
import { holderOf, holderText, usersOf } from '../register/holder.ts'
import { membersOf } from '../register/members.ts'
import type { Database } from '../store/schema.ts'
import { OPERATOR_OWNER } from './namespaces.ts'

/**
 * Whether the owner of a namespace (a user, `team:NAME`, or `operator`) is an owner of `project` at this moment, through a team too
 * (attacks.md NAME-XFER); undefined where the project has none.
 */
export async function ownsProject(db: Kysely<Database>, owner: string, project: string): Promise<boolean | undefined> {
  const owners = (await membersOf(db, project)).filter(({ role }) => role === 'owner')
  if (owners.length === 0) return undefined
  if (owners.some((holder) => holderText(holder) === owner)) return true
  const users = new Set(owner === OPERATOR_OWNER ? await administrators(db) : await usersOf(db, holderOf(owner)))
  for (const holder of owners) if ((await usersOf(db, holder)).some((user) => users.has(user))) return true
  return false
}

async function administrators(db: Kysely<Database>): Promise<readonly string[]> {
  return (await db.selectFrom('user').select('name').where('admin', '=', 1).execute()).map(({ name }) => name)
}
