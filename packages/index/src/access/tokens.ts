import { createHash } from 'node:crypto'
import { hasControlCharacters } from '@waxseal/packaging'
import { isoTime, type Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { TokenRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import type { IndexAction } from '../telemetry/events.ts'
import type { Actor, Unnamed } from './actor.ts'
import { mayManageToken, type Requester, type Scope } from './permissions.ts'
import { systemRandom, type Random } from './random.ts'
import { accessChanged } from './revisions.ts'
import { insertUser } from './users.ts'

/** What a token is for. */
export interface NewToken {
  readonly user: string
  readonly scope: Scope
  /** In normal form; absent: all projects. */
  readonly project?: string
  /** ISO 8601; absent: never. */
  readonly expiresAt?: string
  readonly label?: string
  /** Who makes it, for the record. */
  readonly by: Actor | Unnamed
}

/** A token as listed: everything but its hash. */
export type ListedToken = Omit<TokenRow, 'hash'>

const PREFIX = 'wax_'
const SECRET_LENGTH = 32
const ID_LENGTH = 9
const CHECKSUM_LENGTH = 6

/**
 * Makes a token. `token` is its only copy: what is stored is its sha256. Whether the requester may have it made is
 * `mayCreateToken`'s to say. With `makeUser` a user that does not exist is made with it, or neither is;
 * for `admin` an administrator, since only theirs may be one.
 *
 * @throws IndexError `not-found` when there is no such user, `not-allowed` when the user is disabled, or the label not one line of text
 */
export async function createToken(
  store: Store,
  clock: Clock,
  { makeUser = false, ...options }: NewToken & { readonly makeUser?: boolean },
  random: Random = systemRandom,
): Promise<{ readonly id: string; readonly token: string }> {
  if (options.label !== undefined && hasControlCharacters(options.label)) {
    throw new IndexError('not-allowed', 'A label is one line of text without control characters.')
  }
  const token = tokenText(random(SECRET_LENGTH))
  const id = base64url(random(ID_LENGTH))
  await store.transaction(async (tx) => {
    const user = await tx.selectFrom('user').select('disabled_at').where('name', '=', options.user).executeTakeFirst()
    if (user === undefined) {
      if (!makeUser) throw new IndexError('not-found', `There is no user ${options.user}.`)
      await insertUser(tx, clock, { name: options.user, admin: options.scope === 'admin', by: options.by })
    } else if (user.disabled_at !== null) throw new IndexError('not-allowed', `The user ${options.user} is disabled.`)
    await tx
      .insertInto('token')
      .values(tokenRow(clock, id, token, options))
      .execute()
    await recordAction(tx, tokenCreated(clock, id, options))
  })
  accessChanged(store)
  return { id, token }
}

/** The record of a new token: everything but its secret. */
export function tokenCreated(clock: Clock, id: string, options: NewToken): IndexAction {
  const { user, scope, project = null, expiresAt = null, by } = options
  const detail = { id, user, scope, project, expires: expiresAt }
  const after = { user, scope, project, expires: expiresAt }
  return { kind: 'token-created', at: isoTime(clock), by, project, subject: id, after, detail }
}

/** The row that stands for the secret `token`. */
export function tokenRow(clock: Clock, id: string, token: string, options: NewToken): TokenRow {
  return {
    id,
    user: options.user,
    hash: hashToken(token),
    scope: options.scope,
    project: options.project ?? null,
    label: options.label ?? null,
    created_at: isoTime(clock),
    // Compared as text, so it has to have the stored form.
    expires_at: options.expiresAt === undefined ? null : new Date(options.expiresAt).toISOString(),
    last_used_at: null,
    revoked_at: null,
  }
}

/** The tokens that `who` may manage, the oldest first. */
export async function listTokens(store: Store, who: Requester): Promise<readonly ListedToken[]> {
  const columns = ['id', 'user', 'scope', 'project', 'label'] as const
  const times = ['created_at', 'expires_at', 'last_used_at', 'revoked_at'] as const
  const query = store.db.selectFrom('token').select(columns).select(times)
  const rows = await query.orderBy('created_at').orderBy('id').execute()
  return rows.filter((row) => mayManageToken(who, row))
}

/**
 * Revokes a token for good: in this process at once, in others when what they remember of it has lapsed
 * (`TOKEN_CACHE_LIFETIME`). False when there is none of that id, and also when it is not for `who` to revoke: nobody learns
 * whose tokens exist (attacks.md TOK-4, ENUM).
 */
export async function revokeToken(store: Store, clock: Clock, who: Requester, id: string, by: Actor): Promise<boolean> {
  const revoked = await store.transaction(async (tx) => {
    const row = await tx.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined || !mayManageToken(who, row)) return false
    if (row.revoked_at !== null) return true
    const at = isoTime(clock)
    const unrevoked = tx.updateTable('token').where('id', '=', id).where('revoked_at', 'is', null)
    await unrevoked.set({ revoked_at: at }).execute()
    const { user, scope, project, expires_at: expires } = row
    await recordAction(tx, {
      kind: 'token-revoked',
      at,
      by,
      project,
      subject: id,
      before: { user, scope, project, expires },
      detail: { id, user },
    })
    return true
  })
  accessChanged(store)
  return revoked
}

/** What is stored and looked up of a secret: finding it by an index tells a guesser nothing, the guess being hashed first. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** `wax_`, 32 random bytes, and a checksum by which scanners for leaked secrets know a real one. */
export function tokenText(secret: Uint8Array): string {
  const body = PREFIX + base64url(secret)
  return body + checksum(body)
}

/** Whether `text` has the form of our tokens, checksum included: for scanners and for a hint at a mistyped one. */
export function hasTokenForm(text: string): boolean {
  const body = text.slice(0, -CHECKSUM_LENGTH)
  return /^wax_[\w-]{43}$/.test(body) && text === body + checksum(body)
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, CHECKSUM_LENGTH)
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
