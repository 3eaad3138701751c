import type { Kysely, Transaction } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import type { Actor } from '../access/actor.ts'
import type { Database, MemberRole } from '../store/schema.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Holder } from './holder.ts'
import { holderWords, usersOf } from './holder.ts'

/** One who holds a project. */
export interface Member extends Holder {
  readonly role: MemberRole
  readonly since: string
}

/** Who does something to a project, and whether as an administrator, who may do everything. */
export interface Acting {
  readonly actor: Actor
  readonly administrator: boolean
  /** By a credential that is good for this project only: it decides about no name that is not the index's own. */
  readonly limited?: boolean
}

/** Whoever works on the data folder may do everything. */
export const AS_OPERATOR: Acting = { actor: OPERATOR, administrator: true }

/** Owners that a refusal names. */
const NAMED_OWNERS = 3

/** Who holds `project`, owners first. */
export async function membersOf(db: Kysely<Database>, project: string): Promise<readonly Member[]> {
  const rows = await db
    .selectFrom('member')
    .select(['holder_kind', 'holder', 'role', 'since'])
    .where('project', '=', project)
    .orderBy('role', 'desc')
    .orderBy('holder_kind', 'desc')
    .orderBy('holder')
    .execute()
  return rows.map(({ holder_kind: kind, holder: name, role, since }) => ({ kind, name, role, since }))
}

/** Writes a member, or its new role. */
export async function putMember(
  tx: Transaction<Database>,
  { project, holder, role, at }: { project: string; holder: Holder; role: MemberRole; at: string },
): Promise<void> {
  await tx
    .insertInto('member')
    .values({ project, holder_kind: holder.kind, holder: holder.name, role, since: at })
    .onConflict((conflict) => conflict.columns(['project', 'holder_kind', 'holder']).doUpdateSet({ role }))
    .execute()
}

/** The better of the roles that `user` has among `members`, through a team too; asked anew each time (attacks.md NAME-XFER). */
export async function roleOf(
  db: Kysely<Database>,
  members: readonly Member[],
  user: string,
): Promise<MemberRole | undefined> {
  let role: MemberRole | undefined
  for (const member of members) {
    // Owners come first: whoever is one needs no further look.
    if (role === undefined && (await usersOf(db, member)).includes(user)) role = member.role
  }
  return role
}

/** Every user who may work on `project` now. */
export async function usersOfProject(db: Kysely<Database>, project: string): Promise<ReadonlySet<string>> {
  const users = new Set<string>()
  for (const member of await membersOf(db, project)) for (const user of await usersOf(db, member)) users.add(user)
  return users
}

/**
 * Why `user` may not do to `project` what takes `needed`, if so. A project without members is `everybodys` who may upload, or the
 * administrators' alone.
 */
export async function refuseStranger(
  db: Kysely<Database>,
  project: string,
  user: string,
  needed: MemberRole,
  withoutMembers: 'everybodys' | 'administrators',
): Promise<Refusal | undefined> {
  const members = await membersOf(db, project)
  if (members.length === 0) {
    if (withoutMembers === 'everybodys') return undefined
    return refuse('token-scope', `The project '${project}' has no owner: only an administrator decides about it.`)
  }
  const role = await roleOf(db, members, user)
  if (role === 'owner' || role === needed) return undefined
  if (role === 'maintainer') {
    return refuse(
      'name-not-yours',
      `That takes an owner of '${project}': ${ownersOf(members)}. '${user}' maintains it.`,
    )
  }
  return refuse(
    'name-not-yours',
    `The user '${user}' isn't allowed to upload to project '${project}', nor to change it: it belongs to ${ownersOf(members)}. An owner can add members: waxseal project add-member ${project} ${user}`,
  )
}

function ownersOf(members: readonly Member[]): string {
  const owners = members.filter(({ role }) => role === 'owner')
  const named = owners.slice(0, NAMED_OWNERS).map(holderWords).join(', ')
  return owners.length > NAMED_OWNERS ? `${named} and ${owners.length - NAMED_OWNERS} more` : named
}
