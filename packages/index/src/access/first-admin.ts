import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { MIN_ADMIN_TOKEN_LENGTH } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import { OPERATOR, SERVER } from './actor.ts'
import { systemRandom, type Random } from './random.ts'
import { accessChanged } from './revisions.ts'
import { hashToken, tokenCreated, tokenRow, tokenText } from './tokens.ts'
import { insertUser } from './users.ts'

const ADMIN = 'admin'
/** Id of the one token that the environment may give; its row follows the variable. */
const ENVIRONMENT_TOKEN = 'environment'
const FIRST_TOKEN = 'first'
const SECRET_LENGTH = 32
const INIT_LABEL = 'made by waxseal init'

/**
 * Makes the user `admin` when the database is new, and with it a token whose text is returned this once; there is no
 * default password. With `token` (WAXSEAL_ADMIN_TOKEN, design.md section 13) that one is registered instead, and the one
 * that the variable held before is no longer accepted. Without it, a token registered earlier stays until it is revoked.
 *
 * @throws IndexError `config-invalid` when `token` is too short or is already the text of another token
 */
export async function ensureFirstAdmin(
  store: Store,
  clock: Clock,
  random: Random = systemRandom,
  { token }: { readonly token?: string } = {},
): Promise<string | undefined> {
  const given = token?.trim()
  if (given !== undefined && given.length < MIN_ADMIN_TOKEN_LENGTH) {
    throw new IndexError('config-invalid', `WAXSEAL_ADMIN_TOKEN needs at least ${MIN_ADMIN_TOKEN_LENGTH} characters.`)
  }
  // A start that has nothing to make needs neither the database's lock nor space.
  if (await isMade(store, given)) return undefined
  const fresh = tokenText(random(SECRET_LENGTH))
  const made = await store.transaction(async (tx) => {
    const known = await tx.selectFrom('user').select('name').where('name', '=', ADMIN).executeTakeFirst()
    // The first administrator that `waxseal init` made may have another name.
    if (given === undefined && (known !== undefined || (await hasFirstToken(tx)))) return undefined
    if (known === undefined) await insertUser(tx, clock, { name: ADMIN, admin: true, by: SERVER })
    const options = { user: ADMIN, scope: 'admin', by: SERVER } as const
    if (given === undefined) {
      const label = 'printed at the first start'
      await tx
        .insertInto('token')
        .values(tokenRow(clock, FIRST_TOKEN, fresh, { ...options, label }))
        .execute()
      await recordAction(tx, tokenCreated(clock, FIRST_TOKEN, options))
      return fresh
    }
    const same = await tx.selectFrom('token').select('id').where('hash', '=', hashToken(given)).executeTakeFirst()
    if (same?.id === ENVIRONMENT_TOKEN) return undefined
    if (same !== undefined) {
      throw new IndexError('config-invalid', 'WAXSEAL_ADMIN_TOKEN is the text of another token; choose a new one.')
    }
    await tx.deleteFrom('token').where('id', '=', ENVIRONMENT_TOKEN).execute()
    const label = 'WAXSEAL_ADMIN_TOKEN'
    await tx
      .insertInto('token')
      .values(tokenRow(clock, ENVIRONMENT_TOKEN, given, { ...options, label }))
      .execute()
    await recordAction(tx, tokenCreated(clock, ENVIRONMENT_TOKEN, options))
    return undefined
  })
  accessChanged(store)
  return made
}

async function isMade(store: Store, given: string | undefined): Promise<boolean> {
  const { db } = store
  const admin = await db.selectFrom('user').select('name').where('name', '=', ADMIN).executeTakeFirst()
  if (given === undefined) return admin !== undefined || (await hasFirstToken(db))
  if (admin === undefined) return false
  const token = await db.selectFrom('token').select('id').where('hash', '=', hashToken(given)).executeTakeFirst()
  return token?.id === ENVIRONMENT_TOKEN
}

/**
 * Makes the first administrator for `waxseal init`: the text of its token, told this once; undefined, and nothing is
 * changed, when there is an administrator already. `again`: an init before this one did not come to its end, so that
 * nobody may have seen the token it made; unless it was used, it is replaced.
 *
 * @throws IndexError `not-allowed` (the name)
 */
export async function makeFirstAdmin(
  store: Store,
  clock: Clock,
  { name, again }: { readonly name: string; readonly again: boolean },
  random: Random = systemRandom,
): Promise<string | undefined> {
  const token = tokenText(random(SECRET_LENGTH))
  const made = await store.transaction(async (tx) => {
    if (again) await forgetUnseen(tx)
    const administrator = tx.selectFrom('user').select('name').where('admin', '=', 1)
    if ((await administrator.executeTakeFirst()) !== undefined) return false
    await insertUser(tx, clock, { name, admin: true, by: OPERATOR })
    const options = { user: name, scope: 'admin', label: INIT_LABEL, by: OPERATOR } as const
    await tx
      .insertInto('token')
      .values(tokenRow(clock, FIRST_TOKEN, token, options))
      .execute()
    await recordAction(tx, tokenCreated(clock, FIRST_TOKEN, options))
    return true
  })
  accessChanged(store)
  return made ? token : undefined
}

/** Whether `waxseal init` made the first administrator's token, and it still holds. */
export async function hasInitToken(store: Store): Promise<boolean> {
  const token = store.db
    .selectFrom('token')
    .select('label')
    .where('id', '=', FIRST_TOKEN)
    .where('revoked_at', 'is', null)
  return (await token.executeTakeFirst())?.label === INIT_LABEL
}

/** Whose token `text` is, if it is the one that `waxseal init` made and it still holds. */
export async function initTokenUser(store: Store, text: string): Promise<string | undefined> {
  const token = store.db
    .selectFrom('token')
    .select('user')
    .where('id', '=', FIRST_TOKEN)
    .where('label', '=', INIT_LABEL)
    .where('revoked_at', 'is', null)
    .where('hash', '=', hashToken(text))
  return (await token.executeTakeFirst())?.user
}

async function hasFirstToken(tx: Kysely<Database>): Promise<boolean> {
  return (await tx.selectFrom('token').select('id').where('id', '=', FIRST_TOKEN).executeTakeFirst()) !== undefined
}

async function forgetUnseen(tx: Transaction<Database>): Promise<void> {
  const unseen = await tx
    .selectFrom('token')
    .select('user')
    .where('id', '=', FIRST_TOKEN)
    .where('label', '=', INIT_LABEL)
    .where('last_used_at', 'is', null)
    .executeTakeFirst()
  if (unseen === undefined) return
  await tx.deleteFrom('token').where('id', '=', FIRST_TOKEN).execute()
  const others = await tx.selectFrom('token').select('id').where('user', '=', unseen.user).executeTakeFirst()
  if (others === undefined)
    await tx.deleteFrom('user').where('name', '=', unseen.user).where('password_hash', 'is', null).execute()
}
