import { isoTime, type Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Store } from '../store/store.ts'
import { isUniqueViolation } from '../store/store.ts'
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
  user: { readonly name: string; readonly admin?: boolean; readonly password?: string },
  random: Random = systemRandom,
): Promise<void> {
  if (!USER_NAME.test(user.name)) {
    throw new IndexError(
      'not-allowed',
      'A user name has at most 64 lower-case letters, digits, dots, hyphens and underscores, and begins with a letter or digit.',
    )
  }
  const hash = user.password === undefined ? null : await hashPassword(user.password, random)
  const row = {
    name: user.name,
    password_hash: hash,
    admin: user.admin === true ? 1 : 0,
    created_at: isoTime(clock),
    disabled_at: null,
  }
  try {
    await store.transaction((tx) => tx.insertInto('user').values(row).execute())
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new IndexError('conflict', `There is a user ${user.name} already.`, { cause: error })
  }
  accessChanged(store)
}

/** Sets the password, or with null takes it away. @throws IndexError `not-found`, `limit-exceeded` (its length) */
export async function setPassword(
  store: Store,
  name: string,
  password: string | null,
  random: Random = systemRandom,
): Promise<void> {
  const hash = password === null ? null : await hashPassword(password, random)
  await update(store, name, { password_hash: hash })
}

/** From now on none of the user's credentials is accepted; tokens stay, so that enabling restores them. @throws IndexError `not-found` */
export async function disableUser(store: Store, clock: Clock, name: string): Promise<void> {
  await update(store, name, { disabled_at: isoTime(clock) })
}

/** @throws IndexError `not-found` */
export async function enableUser(store: Store, name: string): Promise<void> {
  await update(store, name, { disabled_at: null })
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

async function update(store: Store, name: string, change: Change): Promise<void> {
  const found = await store.transaction(async (tx) => {
    const result = await tx.updateTable('user').set(change).where('name', '=', name).executeTakeFirst()
    return result.numUpdatedRows > 0n
  })
  if (!found) throw new IndexError('not-found', `There is no user ${name}.`)
  accessChanged(store)
}
