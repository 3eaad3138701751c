import { isoTime, type Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { MIN_ADMIN_TOKEN_LENGTH } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import type { Random } from './random.ts'
import { accessChanged } from './revisions.ts'
import { hashToken, tokenCreated, tokenRow, tokenText } from './tokens.ts'

const ADMIN = 'admin'
/** Id of the one token that the environment may give; its row follows the variable. */
const ENVIRONMENT_TOKEN = 'environment'
const FIRST_TOKEN = 'first'
const SECRET_LENGTH = 32

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
  random: Random,
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
    if (known === undefined) {
      const row = { name: ADMIN, password_hash: null, admin: 1, created_at: isoTime(clock), disabled_at: null }
      await tx.insertInto('user').values(row).execute()
      const detail = { user: ADMIN, admin: true }
      await recordEvent(tx, { kind: 'user-created', at: row.created_at, actor: null, project: null, detail })
    }
    const options = { user: ADMIN, scope: 'admin' } as const
    if (given === undefined) {
      if (known !== undefined) return undefined
      const label = 'printed at the first start'
      await tx
        .insertInto('token')
        .values(tokenRow(clock, FIRST_TOKEN, fresh, { ...options, label }))
        .execute()
      await recordEvent(tx, { ...tokenCreated(clock, FIRST_TOKEN, options), actor: null })
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
    await recordEvent(tx, { ...tokenCreated(clock, ENVIRONMENT_TOKEN, options), actor: null })
    return undefined
  })
  accessChanged(store)
  return made
}

async function isMade(store: Store, given: string | undefined): Promise<boolean> {
  const { db } = store
  const admin = await db.selectFrom('user').select('name').where('name', '=', ADMIN).executeTakeFirst()
  if (admin === undefined || given === undefined) return admin !== undefined
  const token = await db.selectFrom('token').select('id').where('hash', '=', hashToken(given)).executeTakeFirst()
  return token?.id === ENVIRONMENT_TOKEN
}
