import type { Transaction } from 'kysely'
import { isoTime, type Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Database, UserTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { isUniqueViolation } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import type { IndexAction } from '../telemetry/events.ts'
import { FIRST_DOWNLOAD, OPERATOR } from './actor.ts'
import type { Actor, Unnamed } from './actor.ts'
import { hashPassword } from './passwords.ts'
import { systemRandom, type Random } from './random.ts'
import { accessChanged } from './revisions.ts'

/** A user as administrators see it; whether there is a password is all that is told of it. */
export interface User {
  readonly name: string
  readonly admin: boolean
  readonly hasPassword: boolean
  readonly createdAt: string
  readonly disabledAt: string | null
}

/** Those that others act under: nobody is to look like them in a record. */
const TAKEN: ReadonlySet<string> = new Set([OPERATOR.name, FIRST_DOWNLOAD.name])

/** Lower case, so that two users never differ in case alone; `__token__` is none. */
const USER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * Makes a user, at first without a token and, unless given, a password.
 *
 * @throws IndexError `not-allowed` (the name), `conflict` (it exists), `limit-exceeded` (the password's length)
 */
export async function createUser(
  store: Store,
  clock: Clock,
  user: { readonly name: string; readonly admin?: boolean; readonly password?: string; readonly by: Actor },
  random: Random = systemRandom,
): Promise<void> {
  checkUserName(user.name)
  const hash = user.password === undefined ? null : await hashPassword(user.password, random)
  try {
    await store.transaction((tx) => insertUser(tx, clock, user, hash))
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new IndexError('conflict', `There is a user ${user.name} already.`, { cause: error })
  }
  accessChanged(store)
}

/** Writes a new user and its event. @throws IndexError `not-allowed` (the name), and the database's error when it exists */
export async function insertUser(
  tx: Transaction<Database>,
  clock: Clock,
  user: { readonly name: string; readonly admin?: boolean; readonly by: Actor | Unnamed },
  passwordHash: string | null = null,
): Promise<void> {
  checkUserName(user.name)
  const admin = user.admin === true
  const row = {
    name: user.name,
    password_hash: passwordHash,
    admin: admin ? 1 : 0,
    created_at: isoTime(clock),
    disabled_at: null,
  }
  await tx.insertInto('user').values(row).execute()
  await recordAction(tx, {
    kind: 'user-created',
    at: row.created_at,
    by: user.by,
    project: null,
    subject: row.name,
    after: audited(row),
    detail: { user: row.name, admin },
  })
}

/** Why a user cannot be called `name`; undefined: it can. */
export function wrongUserName(name: string): string | undefined {
  if (TAKEN.has(name))
    return `Nobody can be called ${name}: what is done on the data folder, or by a rule, is recorded so.`
  return USER_NAME.test(name)
    ? undefined
    : 'A user name has at most 64 lower-case letters, digits, dots, hyphens and underscores, and begins with a letter or digit.'
}

function checkUserName(name: string): void {
  const wrong = wrongUserName(name)
  if (wrong !== undefined) throw new IndexError('not-allowed', wrong)
}

/** Sets the password, or with null takes it away. @throws IndexError `not-found`, `limit-exceeded` (its length) */
export async function setPassword(
  store: Store,
  clock: Clock,
  name: string,
  password: string | null,
  by: Actor,
  random: Random = systemRandom,
): Promise<void> {
  const hash = password === null ? null : await hashPassword(password, random)
  const detail = { user: name, removed: password === null }
  const action = { kind: 'password-changed', at: isoTime(clock), by, project: null, detail } as const
  await update(store, name, { password_hash: hash }, action)
}

/** From now on none of the user's credentials is accepted; tokens stay, so that enabling restores them. @throws IndexError `not-found` */
export async function disableUser(store: Store, clock: Clock, name: string, by: Actor): Promise<void> {
  const at = isoTime(clock)
  const action = { kind: 'user-disabled', at, by, project: null, detail: { user: name } } as const
  await update(store, name, { disabled_at: at }, action)
}

/** @throws IndexError `not-found` */
export async function enableUser(store: Store, clock: Clock, name: string, by: Actor): Promise<void> {
  const action = { kind: 'user-enabled', at: isoTime(clock), by, project: null, detail: { user: name } } as const
  await update(store, name, { disabled_at: null }, action)
}

/** All users by name. */
export async function listUsers(store: Store): Promise<readonly User[]> {
  const rows = await store.db.selectFrom('user').selectAll().orderBy('name').execute()
  return rows.map((row) => ({
    name: row.name,
    admin: row.admin === 1,
    hasPassword: row.password_hash !== null,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  }))
}

type Change = { readonly password_hash: string | null } | { readonly disabled_at: string | null }

async function update(store: Store, name: string, change: Change, action: IndexAction): Promise<void> {
  const found = await store.transaction(async (tx) => {
    const row = await tx.selectFrom('user').selectAll().where('name', '=', name).executeTakeFirst()
    if (row === undefined) return false
    await tx.updateTable('user').set(change).where('name', '=', name).execute()
    await recordAction(tx, { ...action, subject: name, before: audited(row), after: audited({ ...row, ...change }) })
    return true
  })
  if (!found) throw new IndexError('not-found', `There is no user ${name}; see: waxseal user list.`)
  accessChanged(store)
}

/** Of a password only that there is one. */
function audited(row: Pick<UserTable, 'admin' | 'password_hash' | 'disabled_at'>): unknown {
  return { admin: row.admin === 1, password: row.password_hash !== null, disabled: row.disabled_at !== null }
}
