import type { Kysely } from 'kysely'
import { holderOf, holderText, usersOf } from '../register/holder.ts'
import type { Holder } from '../register/holder.ts'
import { membersOf } from '../register/members.ts'
import type { Database } from '../store/schema.ts'
import { OPERATOR_OWNER } from './namespaces.ts'

/**
 * Whether the owner of a namespace (a user, `team:NAME`, or `operator`) is an owner of `project` at this moment, a user through a team too
 * (attacks.md NAME-XFER); undefined where the project has none. What one of a team has alone is not the team's.
 */
export async function ownsProject(db: Kysely<Database>, owner: string, project: string): Promise<boolean | undefined> {
  const owners = await ownersOf(db, project)
  if (owners.length === 0) return undefined
  // Nobody becomes the operator by being called so.
  if (owner === OPERATOR_OWNER) return false
  for (const holder of owners) {
    if (holderText(holder) === owner || (await usersOf(db, holder)).includes(owner)) return true
  }
  return false
}

/** Whether one of those whom the owner of a namespace stands for, a team or the administrators, owns `project` now. */
export async function oneOfThemOwns(db: Kysely<Database>, owner: string, project: string): Promise<boolean> {
  const them = new Set(owner === OPERATOR_OWNER ? await administrators(db) : await usersOf(db, holderOf(owner)))
  for (const holder of await ownersOf(db, project)) {
    if ((await usersOf(db, holder)).some((user) => them.has(user))) return true
  }
  return false
}

async function ownersOf(db: Kysely<Database>, project: string): Promise<readonly Holder[]> {
  return (await membersOf(db, project)).filter(({ role }) => role === 'owner')
}

async function administrators(db: Kysely<Database>): Promise<readonly string[]> {
  const users = db.selectFrom('user').select('name').where('admin', '=', 1).where('disabled_at', 'is', null)
  return (await users.execute()).map(({ name }) => name)
}
