import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'

/** Who holds a project: one user, or several of them together. */
export interface Holder {
  readonly kind: 'user' | 'team'
  readonly name: string
}

const TEAM = 'team:'

/** `alice`, or `team:billing`: as it is written on command lines, in the API and in records. No user's name has a colon. */
export function holderText({ kind, name }: Holder): string {
  return kind === 'team' ? TEAM + name : name
}

/** What {@link holderText} has written. */
export function holderOf(text: string): Holder {
  return text.startsWith(TEAM) ? { kind: 'team', name: text.slice(TEAM.length) } : { kind: 'user', name: text }
}

/** For people: `alice`, `the team billing`. */
export function holderWords({ kind, name }: Holder): string {
  return kind === 'team' ? `the team ${name}` : name
}

/** The users who act for a holder now: itself, or the team's members, of whom there may be none. */
export async function usersOf(db: Kysely<Database>, { kind, name }: Holder): Promise<readonly string[]> {
  if (kind === 'user') return [name]
  const query = db.selectFrom('team_member').select('member').where('team', '=', name).orderBy('member')
  return (await query.execute()).map(({ member }) => member)
}

/** Whether there is such a user who may do anything, or such a team with somebody in it. */
export async function isSomebody(db: Kysely<Database>, holder: Holder): Promise<boolean> {
  if (holder.kind === 'team') return (await usersOf(db, holder)).length > 0
  const query = db.selectFrom('user').select('disabled_at').where('name', '=', holder.name)
  return (await query.executeTakeFirst())?.disabled_at === null
}
