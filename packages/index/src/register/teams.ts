import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { accessChanged } from '../access/revisions.ts'
import { wrongUserName } from '../access/users.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { MAX_TEAM_MEMBERS } from '../limits.ts'
import { appendJournal, journalCovered } from '../publish/journal.ts'
import { refuse } from '../releases/refusal.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { isUniqueViolation } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import { holderText } from './holder.ts'
import { usersOfProject } from './members.ts'
import type { RegisterOutcome } from './outcome.ts'
import { revokeStrayTokens } from './stray-tokens.ts'

/** A team with its members. */
export interface Team {
  readonly name: string
  readonly members: readonly string[]
}

/** Every team, by name. */
export async function listTeams({ db }: Store): Promise<readonly Team[]> {
  const teams = await db.selectFrom('team').select('name').orderBy('name').execute()
  const rows = await db.selectFrom('team_member').select(['team', 'member']).orderBy('member').execute()
  const members = Map.groupBy(rows, ({ team }) => team)
  return teams.map(({ name }) => ({ name, members: (members.get(name) ?? []).map(({ member }) => member) }))
}

/** Makes a team that nobody is in yet. Its name follows the rules of users' names. */
export async function createTeam(store: Store, clock: Clock, team: string, actor: Actor): Promise<RegisterOutcome> {
  const wrong = wrongUserName(team)
  if (wrong !== undefined) return refuse('bad-request', wrong.replace(/\buser\b/, 'team'))
  try {
    return await store.transaction(async (tx): Promise<RegisterOutcome> => {
      if (await isTeam(tx, team)) return { kind: 'unchanged' }
      const at = isoTime(clock)
      await tx.insertInto('team').values({ name: team, created_at: at }).execute()
      const created = { at, by: actor, project: null, subject: subjectOf(team), detail: { team } } as const
      await recordAction(tx, { kind: 'team-created', ...created, after: { members: [] } })
      return { kind: 'done' }
    })
  } catch (error) {
    // Somebody else was faster.
    if (isUniqueViolation(error)) return { kind: 'unchanged' }
    throw error
  }
}

/** Deletes a team that holds nothing, and that nothing is offered to. */
export function deleteTeam(store: Store, clock: Clock, team: string, actor: Actor): Promise<RegisterOutcome> {
  return store.transaction(async (tx): Promise<RegisterOutcome> => {
    if (!(await isTeam(tx, team))) return refuseNoTeam(team)
    const [held] = await projectsOf(tx, team)
    if (held !== undefined) {
      return refuse('conflict', `The team ${team} is a member of '${held}': take it out of its projects first.`)
    }
    const offered = await tx
      .selectFrom('transfer')
      .select('project')
      .where('holder_kind', '=', 'team')
      .where('holder', '=', team)
      .where('answered_at', 'is', null)
      .executeTakeFirst()
    if (offered !== undefined) {
      return refuse('conflict', `The project '${offered.project}' is offered to the team ${team}: answer that first.`)
    }
    const gone = await tx.deleteFrom('team_member').where('team', '=', team).returning('member').execute()
    await tx.deleteFrom('team').where('name', '=', team).execute()
    const before = { members: gone.map(({ member }) => member) }
    const deleted = {
      at: isoTime(clock),
      by: actor,
      project: null,
      subject: subjectOf(team),
      detail: { team },
    } as const
    await recordAction(tx, { kind: 'team-deleted', ...deleted, before })
    return { kind: 'done' }
  })
}

/** Puts a user into a team. */
export function joinTeam(
  store: Store,
  clock: Clock,
  { team, user, actor }: { readonly team: string; readonly user: string; readonly actor: Actor },
): Promise<RegisterOutcome> {
  return store.transaction(async (tx): Promise<RegisterOutcome> => {
    if (!(await isTeam(tx, team))) return refuseNoTeam(team)
    const known = await tx.selectFrom('user').select('name').where('name', '=', user).executeTakeFirst()
    if (known === undefined) return refuse('not-found', `There is no user ${user}.`)
    const members = await tx.selectFrom('team_member').select('member').where('team', '=', team).execute()
    if (members.some(({ member }) => member === user)) return { kind: 'unchanged' }
    if (members.length === MAX_TEAM_MEMBERS) {
      return refuse(
        'bad-request',
        `The team ${team} has ${MAX_TEAM_MEMBERS} members, which is as many as one may have.`,
      )
    }
    const at = isoTime(clock)
    await tx.insertInto('team_member').values({ team, member: user, since: at }).execute()
    const joined = { at, by: actor, project: null, subject: subjectOf(team), detail: { team, user } } as const
    await recordAction(tx, { kind: 'team-joined', ...joined, after: { user } })
    await journalPages(tx, team, { at, actor })
    return { kind: 'done' }
  })
}

/** Takes a user out of a team, and revokes the user's tokens for single projects that it was the way to (attacks.md NAME-XFER). */
export async function leaveTeam(
  store: Store,
  clock: Clock,
  { team, user, actor }: { readonly team: string; readonly user: string; readonly actor: Actor },
): Promise<RegisterOutcome> {
  const outcome = await store.transaction(async (tx): Promise<RegisterOutcome> => {
    if (!(await isTeam(tx, team))) return refuseNoTeam(team)
    const gone = await tx
      .deleteFrom('team_member')
      .where('team', '=', team)
      .where('member', '=', user)
      .returning('member')
      .executeTakeFirst()
    if (gone === undefined) return { kind: 'unchanged' }
    const at = isoTime(clock)
    for (const project of await projectsOf(tx, team)) {
      const left = (await usersOfProject(tx, project)).has(user) ? [] : [user]
      await revokeStrayTokens(tx, project, { left, at, actor })
    }
    const left = { at, by: actor, project: null, subject: subjectOf(team), detail: { team, user } } as const
    await recordAction(tx, { kind: 'team-left', ...left, before: { user } })
    await journalPages(tx, team, { at, actor })
    return { kind: 'done' }
  })
  accessChanged(store)
  return outcome
}

/** Pages say whether whoever holds the namespace over them owns their project (PEP 752), and a team may be either. */
async function journalPages(
  tx: Transaction<Database>,
  team: string,
  { at, actor }: { readonly at: string; readonly actor: Actor },
): Promise<void> {
  const entry = { action: 'authority', at, actor: actor.name } as const
  for (const project of await projectsOf(tx, team)) await appendJournal(tx, { project, ...entry })
  const held = tx
    .selectFrom('namespace')
    .select('name')
    .where('owner', '=', holderText({ kind: 'team', name: team }))
  for (const { name } of await held.execute()) await journalCovered(tx, name, entry)
}

/** What the audit calls a team. */
function subjectOf(team: string): string {
  return holderText({ kind: 'team', name: team })
}

async function projectsOf(tx: Transaction<Database>, team: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('member')
    .select('project')
    .where('holder_kind', '=', 'team')
    .where('holder', '=', team)
    .orderBy('project')
    .execute()
  return rows.map(({ project }) => project)
}

async function isTeam(tx: Transaction<Database>, team: string): Promise<boolean> {
  return (await tx.selectFrom('team').select('name').where('name', '=', team).executeTakeFirst()) !== undefined
}

function refuseNoTeam(team: string): RegisterOutcome {
  return refuse('not-found', `There is no team ${team}.`)
}
