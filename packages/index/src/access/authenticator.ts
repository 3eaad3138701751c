import { createHmac, randomBytes } from 'node:crypto'
import type { BackgroundWork } from '../background-work.ts'
import { isoTime, type Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { MAX_TOKEN_CACHE, TOKEN_CACHE_LIFETIME, TOKEN_USE_INTERVAL } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Credentials } from './credentials.ts'
import { LoginLimit } from './login-limit.ts'
import type { BurstOfFailures } from './login-limit.ts'
import { verifyPassword } from './passwords.ts'
import { lesserScope, type Requester, type Scope } from './permissions.ts'
import { accessRevision } from './revisions.ts'
import { hashToken } from './tokens.ts'

/**
 * Why credentials were not accepted. The reason is for the log: outside, all of `refused` look the same (attacks.md
 * ENUM/TIMING). `limited` is 429, to be tried again after so many seconds.
 */
export type AuthFailure =
  | { readonly kind: 'refused'; readonly reason: 'malformed' | 'unknown' | 'revoked' | 'expired' | 'disabled' }
  | { readonly kind: 'limited'; readonly retryAfter: number }

/** Tells who a request is from. */
export interface Authenticator {
  /** `address` is the peer's, as the transport (or a trusted proxy) tells it; failures count against it. */
  authenticate(credentials: Credentials, address: string): Promise<Requester | AuthFailure>
}

export interface AuthenticatorOptions {
  /** False: nothing is written. */
  readonly notesUse?: boolean
  /** Told once a window of who is kept out: the address, and the user tried where there is one of that name. */
  readonly onBurst?: (burst: { readonly address: string; readonly user: string | null }) => void
}

/** An authenticator over the users and tokens of `store`; what it does beside requests is handed to `background`. */
export function createAuthenticator(
  store: Store,
  clock: Clock,
  background: BackgroundWork,
  options: AuthenticatorOptions = {},
): Authenticator {
  return new StoreAuthenticator(store, clock, background, options)
}

/** A user row joined with what the credential adds. */
interface Claim {
  readonly user: string
  readonly admin: number
  readonly disabled_at: string | null
  readonly token?: {
    readonly id: string
    readonly scope: Scope
    readonly project: string | null
    readonly expires_at: string | null
    readonly revoked_at: string | null
  }
}

/**
 * The one place that turns a credential of any type into a principal, so that no type skips a check (attacks.md TOK-5).
 * `now` is in stored form.
 */
export function judge(claim: Claim, now: string): Requester | AuthFailure {
  const { token } = claim
  if (claim.disabled_at !== null) return { kind: 'refused', reason: 'disabled' }
  if (token !== undefined && token.revoked_at !== null) return { kind: 'refused', reason: 'revoked' }
  if (token !== undefined && token.expires_at !== null && token.expires_at <= now) {
    return { kind: 'refused', reason: 'expired' }
  }
  const most: Scope = claim.admin === 1 ? 'admin' : 'upload'
  return {
    kind: 'principal',
    user: claim.user,
    scope: token === undefined ? most : lesserScope(token.scope, most),
    ...(token === undefined ? {} : { tokenId: token.id }),
    ...(token === undefined || token.project === null ? {} : { project: token.project }),
  }
}

interface Remembered {
  readonly claim: Claim
  readonly revision: number
  /** Milliseconds since the epoch. */
  readonly until: number
}

class StoreAuthenticator implements Authenticator {
  readonly #store: Store
  readonly #clock: Clock
  readonly #background: BackgroundWork
  readonly #limit: LoginLimit
  readonly #notesUse: boolean
  readonly #remembered = new Map<string, Remembered>()
  /** Passwords are remembered under a key that means nothing outside this process. */
  readonly #key = randomBytes(32)

  constructor(
    store: Store,
    clock: Clock,
    background: BackgroundWork,
    { notesUse = true, onBurst }: AuthenticatorOptions,
  ) {
    this.#background = background
    this.#notesUse = notesUse
    this.#store = store
    this.#clock = clock
    this.#limit = new LoginLimit(clock, (burst) => {
      if (onBurst !== undefined) void background.add(this.#nameBurst(burst).then(onBurst))
    })
  }

  async authenticate(credentials: Credentials, address: string): Promise<Requester | AuthFailure> {
    switch (credentials.kind) {
      case 'none':
        return { kind: 'anonymous' }
      case 'malformed':
        return this.#refuse('malformed', address)
      case 'token': {
        const claim = await this.#tokenClaim(credentials.token)
        return claim === undefined ? this.#refuse('unknown', address) : this.#judge(claim, address)
      }
      case 'basic':
        return await this.#basic(credentials.user, credentials.password, address)
      default:
        return credentials satisfies never
    }
  }

  async #basic(user: string, password: string, address: string): Promise<Requester | AuthFailure> {
    // A token may stand where a password is asked for, with its user's name: not every client lets one say `__token__`.
    const byToken = await this.#tokenClaim(password.trim())
    if (byToken !== undefined) {
      return byToken.user === user ? this.#judge(byToken, address) : this.#refuse('unknown', address)
    }
    const key = createHmac('sha256', this.#key).update(`${user}\n${password}`).digest('hex')
    const known = this.#recall(key)
    if (known !== undefined) return this.#judge(known, address)
    const attempt = this.#limit.password(user, address)
    if (!attempt.allowed) return { kind: 'limited', retryAfter: attempt.retryAfter }
    const revision = accessRevision(this.#store)
    const row = await this.#store.db.selectFrom('user').selectAll().where('name', '=', user).executeTakeFirst()
    const right = await checkPassword(password, row?.password_hash ?? null)
    if (right === 'busy') {
      attempt.withdrawn()
      return { kind: 'limited', retryAfter: 1 }
    }
    if (!right || row === undefined) return { kind: 'refused', reason: 'unknown' }
    const claim: Claim = { user: row.name, admin: row.admin, disabled_at: row.disabled_at }
    const verdict = judge(claim, isoTime(this.#clock))
    if (verdict.kind !== 'principal') return verdict
    attempt.succeeded()
    this.#remember(key, claim, revision)
    return verdict
  }

  /** A known credential that is no longer good counts as a wrong one. */
  #judge(claim: Claim, address: string): Requester | AuthFailure {
    const verdict = judge(claim, isoTime(this.#clock))
    return verdict.kind === 'refused' ? this.#refuse(verdict.reason, address) : verdict
  }

  #refuse(reason: Extract<AuthFailure, { kind: 'refused' }>['reason'], address: string): AuthFailure {
    const limited = this.#limit.wrongToken(address)
    return limited === undefined ? { kind: 'refused', reason } : { kind: 'limited', retryAfter: limited.retryAfter }
  }

  async #tokenClaim(token: string): Promise<Claim | undefined> {
    const hash = hashToken(token)
    const known = this.#recall(hash)
    if (known !== undefined) return known
    const revision = accessRevision(this.#store)
    const row = await this.#store.db
      .selectFrom('token')
      .innerJoin('user', 'user.name', 'token.user')
      .select(['token.id', 'token.user', 'token.scope', 'token.project', 'token.expires_at', 'token.revoked_at'])
      .select(['token.last_used_at', 'user.admin', 'user.disabled_at'])
      .where('token.hash', '=', hash)
      .executeTakeFirst()
    if (row === undefined) return undefined
    const { user, admin, disabled_at, last_used_at, ...rest } = row
    const claim: Claim = { user, admin, disabled_at, token: rest }
    if (judge(claim, isoTime(this.#clock)).kind === 'principal') {
      this.#remember(hash, claim, revision)
      this.#noteUse(row.id, last_used_at)
    }
    return claim
  }

  #recall(key: string): Claim | undefined {
    const found = this.#remembered.get(key)
    if (found === undefined) return undefined
    const left = found.until - this.#clock.now()
    // More than the whole lifetime: the clock was set back, and nobody knows how old the memory is.
    const isFresh = left > 0 && left <= TOKEN_CACHE_LIFETIME
    if (isFresh && found.revision === accessRevision(this.#store)) return found.claim
    this.#remembered.delete(key)
    return undefined
  }

  /** `revision` is the one before the rows were read: a change in between makes the entry void at once. */
  #remember(key: string, claim: Claim, revision: number): void {
    this.#remembered.set(key, { claim, revision, until: this.#clock.now() + TOKEN_CACHE_LIFETIME })
    if (this.#remembered.size <= MAX_TOKEN_CACHE) return
    const oldest = this.#remembered.keys().next()
    if (oldest.done === false) this.#remembered.delete(oldest.value)
  }

  /** Beside the request, and rarely: what a token was last used at is for people who clean up. */
  #noteUse(id: string, lastUsedAt: string | null): void {
    if (!this.#notesUse) return
    const age = lastUsedAt === null ? undefined : this.#clock.now() - Date.parse(lastUsedAt)
    if (age !== undefined && age >= 0 && age < TOKEN_USE_INTERVAL) return
    const last_used_at = isoTime(this.#clock)
    // When the database is busy, which is no reason to fail the request, the next use is noted instead.
    void this.#background.add(
      this.#store.transaction((tx) => tx.updateTable('token').set({ last_used_at }).where('id', '=', id).execute()),
    )
  }

  /** What was typed as a user's name is told only when it is one: people type passwords there, too. */
  async #nameBurst({ address, user }: BurstOfFailures): Promise<{ address: string; user: string | null }> {
    if (user === undefined) return { address, user: null }
    const known = this.#store.db.selectFrom('user').select('name').where('name', '=', user).executeTakeFirst()
    return { address, user: (await known.catch(() => undefined))?.name ?? null }
  }
}

async function checkPassword(password: string, hash: string | null): Promise<boolean | 'busy'> {
  try {
    return await verifyPassword(password, hash)
  } catch (error) {
    if (error instanceof IndexError && error.code === 'limit-exceeded') return 'busy'
    throw error
  }
}
