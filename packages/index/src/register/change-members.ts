import type { Transaction } from 'kysely'
import { accessChanged } from '../access/revisions.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { MAX_MEMBERS } from '../limits.ts'
import { isOurs } from '../names/claimed-name.ts'
import { appendJournal } from '../publish/journal.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database, MemberRole } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import type { Holder } from './holder.ts'
import { holderText, holderWords, isSomebody } from './holder.ts'
import type { Acting, Member } from './members.ts'
import { membersOf, putMember, refuseStranger, usersOfProject } from './members.ts'
import type { RegisterOutcome } from './outcome.ts'
import { revokeStrayTokens } from './stray-tokens.ts'

/** Adds a user or a team to a project of this index, or gives it another role. Owners may, and administrators. */
export function addMember(
  store: Store,
  clock: Clock,
  {
    project,
    holder,
    role,
    actor,
    administrator,
  }: Acting & { readonly project: string; readonly holder: Holder; readonly role: MemberRole },
): Promise<RegisterOutcome> {
  return store.transaction(async (tx): Promise<RegisterOutcome> => {
    const refusal =
      (await refuseActing(tx, project, { actor, administrator })) ??
      (await refuseForeign(tx, project)) ??
      (await refuseUnknown(tx, holder))
    if (refusal !== undefined) return refusal
    const members = await membersOf(tx, project)
    const before = members.find((member) => isSame(member, holder))
    if (before?.role === role) return { kind: 'unchanged' }
    const others = members.filter((member) => !isSame(member, holder))
    if (role !== 'owner') {
      const ownerless = await refuseOwnerless(tx, project, others)
      if (ownerless !== undefined) return ownerless
    }
    if (others.length === MAX_MEMBERS) {
      return refuse('bad-request', `The project '${project}' has ${MAX_MEMBERS} members: put users into a team.`)
    }
    const at = isoTime(clock)
    await putMember(tx, { project, holder, role, at })
    const detail = { holder: holderText(holder), role, before: before?.role ?? null }
    const changed = {
      before: before && { holder: holderText(before), role: before.role },
      after: { holder: holderText(holder), role },
    }
    await recordAction(tx, { kind: 'member-added', at, by: actor, project, ...changed, detail })
    // Its page says whether whoever holds the namespace over it owns it (PEP 752).
    await appendJournal(tx, { project, action: 'authority', at, actor: actor.name })
    return { kind: 'done' }
  })
}

/**
 * Takes a user or a team out of a project, and revokes the tokens for it alone of those who have left. Owners may, administrators,
 * and everybody for themselves; the last owner stays.
 */
export async function removeMember(
  store: Store,
  clock: Clock,
  { project, holder, actor, administrator }: Acting & { readonly project: string; readonly holder: Holder },
): Promise<RegisterOutcome> {
  const outcome = await store.transaction(async (tx): Promise<RegisterOutcome> => {
    const leaves = holder.kind === 'user' && holder.name === actor.name
    const refusal = leaves ? undefined : await refuseActing(tx, project, { actor, administrator })
    if (refusal !== undefined) return refusal
    const members = await membersOf(tx, project)
    const member = members.find((one) => isSame(one, holder))
    if (member === undefined) return { kind: 'unchanged' }
    const ownerless = await refuseOwnerless(
      tx,
      project,
      members.filter((one) => one !== member),
    )
    if (ownerless !== undefined) return ownerless
    const before = await usersOfProject(tx, project)
    await tx
      .deleteFrom('member')
      .where('project', '=', project)
      .where('holder_kind', '=', holder.kind)
      .where('holder', '=', holder.name)
      .execute()
    const after = await usersOfProject(tx, project)
    const at = isoTime(clock)
    await revokeStrayTokens(tx, project, { left: [...before].filter((user) => !after.has(user)), at, actor })
    const detail = { holder: holderText(holder), role: member.role }
    await recordAction(tx, { kind: 'member-removed', at, by: actor, project, before: detail, detail })
    await appendJournal(tx, { project, action: 'authority', at, actor: actor.name })
    return { kind: 'done' }
  })
  accessChanged(store)
  return outcome
}

/** Who wants to decide about a project and may not. */
export async function refuseActing(
  tx: Transaction<Database>,
  project: string,
  { actor, administrator }: Acting,
): Promise<Refusal | undefined> {
  return administrator ? undefined : await refuseStranger(tx, project, actor.name, 'owner', 'administrators')
}

/** A holder that is nobody: no such user or team, or a team that nobody is in. */
export async function refuseUnknown(tx: Transaction<Database>, holder: Holder): Promise<Refusal | undefined> {
  if (await isSomebody(tx, holder)) return undefined
  const nobody =
    holder.kind === 'team' ? `no team ${holder.name} with members` : `no user ${holder.name} who is not disabled`
  return refuse('not-found', `There is ${nobody}.`)
}

/** Only what is this index's own has members. */
export async function refuseForeign(tx: Transaction<Database>, project: string): Promise<Refusal | undefined> {
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  if (row === undefined) return refuse('not-found', `There is no project '${project}'.`)
  if (isOurs(row)) return undefined
  return refuse('name-upstream', `The project '${project}' is not ours: it has no members here.`)
}

/** A project that has members has an owner who is somebody. */
async function refuseOwnerless(
  tx: Transaction<Database>,
  project: string,
  others: readonly Member[],
): Promise<Refusal | undefined> {
  for (const member of others) {
    if (member.role === 'owner' && (await isSomebody(tx, member))) return undefined
  }
  const who = others.length === 0 ? '' : ` (${others.map(holderWords).join(', ')} would be left)`
  return refuse('conflict', `The project '${project}' needs an owner${who}: add another one first, or transfer it.`)
}

function isSame(one: Holder, other: Holder): boolean {
  return one.kind === other.kind && one.name === other.name
}
