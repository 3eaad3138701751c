import type { Clock } from '../clock.ts'
import { LOGIN_FAILURES, LOGIN_WINDOW, MAX_LOGIN_KEYS } from '../limits.ts'
import { addressKey } from './address-key.ts'

/** An attempt that may be made: it counts as failed from now on, until it is said to have succeeded. */
export interface LoginAttempt {
  readonly allowed: true
  succeeded(): void
  /** The password was not looked at after all. */
  withdrawn(): void
}

export interface LoginRefusal {
  readonly allowed: false
  /** Whole seconds after which the next attempt may be made. */
  readonly retryAfter: number
}

/** The attempt with which somebody was found to be kept out. */
export interface BurstOfFailures {
  readonly address: string
  /** As it was typed, perhaps a secret in the wrong field; undefined: tokens were tried. */
  readonly user: string | undefined
}

/**
 * Failed logins in a sliding window, in memory (attacks.md RATE).
 *
 * Passwords can be guessed, so attempts are counted by user and by address, before the password is looked at: many sent at
 * once do not slip through. Neither count can lock a user out on behalf of somebody else: from an address where that user
 * has logged in before, only the failures of the two together count. Tokens cannot be guessed: a valid one is never limited;
 * wrong ones are counted by address, apart from passwords, so that a forgotten job with an old token only harms itself.
 */
export class LoginLimit {
  readonly #clock: Clock
  readonly #onBurst: (attempt: BurstOfFailures) => void
  readonly #byUser = new Failures()
  readonly #byAddress = new Failures()
  readonly #byBoth = new Failures()
  readonly #wrongTokens = new Failures()
  /** Pairs of user and address with a successful login, the oldest first. */
  readonly #known = new Set<string>()

  /** `onBurst` is told once a window of each address, user or pair that is kept out. */
  constructor(clock: Clock, onBurst: (attempt: BurstOfFailures) => void = () => undefined) {
    this.#clock = clock
    this.#onBurst = onBurst
  }

  /** Before a password is checked. */
  password(user: string, address: string): LoginAttempt | LoginRefusal {
    const from = addressKey(address)
    const both = `${from} ${user}`
    const counts: readonly Counted[] = this.#known.has(both)
      ? [[this.#byBoth, both]]
      : [
          [this.#byUser, user],
          [this.#byAddress, from],
        ]
    const now = this.#clock.now()
    const until = Math.max(...counts.map(([failures, key]) => failures.blockedUntil(key, now)))
    if (until > now) {
      const news = counts.filter(
        ([failures, key]) => failures.blockedUntil(key, now) > now && failures.isNews(key, now),
      )
      if (news.length > 0) this.#onBurst({ user, address })
      return { allowed: false, retryAfter: Math.ceil((until - now) / 1000) }
    }
    for (const [failures, key] of counts) failures.add(key, now)
    const withdrawn = (): void => {
      for (const [failures, key] of counts) failures.remove(key, now)
    }
    return {
      allowed: true,
      withdrawn,
      succeeded: () => {
        withdrawn()
        this.#remember(both)
      },
    }
  }

  /** After a token was found to be wrong; the answer is a refusal when `address` has sent too many of them. */
  wrongToken(address: string): LoginRefusal | undefined {
    const from = addressKey(address)
    const now = this.#clock.now()
    const until = this.#wrongTokens.blockedUntil(from, now)
    if (until > now) {
      if (this.#wrongTokens.isNews(from, now)) this.#onBurst({ user: undefined, address })
      return { allowed: false, retryAfter: Math.ceil((until - now) / 1000) }
    }
    this.#wrongTokens.add(from, now)
    return undefined
  }

  #remember(both: string): void {
    this.#known.delete(both)
    this.#known.add(both)
    if (this.#known.size > MAX_LOGIN_KEYS) dropOldest(this.#known)
  }
}

type Counted = readonly [Failures, string]

/** The times of the last failures per key. */
class Failures {
  readonly #times = new Map<string, number[]>()
  /** When it was last told that a key is kept out. */
  readonly #told = new Map<string, number>()

  /** When the next attempt may be made; 0: now. */
  blockedUntil(key: string, now: number): number {
    const times = this.#within(key, now)
    return times.length < LOGIN_FAILURES ? 0 : (times[times.length - LOGIN_FAILURES] ?? 0) + LOGIN_WINDOW
  }

  add(key: string, now: number): void {
    const times = this.#within(key, now)
    this.#times.delete(key)
    this.#times.set(key, [...times, now])
    if (this.#times.size > MAX_LOGIN_KEYS) dropOldest(this.#times)
  }

  remove(key: string, time: number): void {
    const times = this.#times.get(key) ?? []
    const index = times.indexOf(time)
    if (index >= 0) times.splice(index, 1)
    if (times.length === 0) this.#times.delete(key)
  }

  /** Whether nobody was told within the last window that `key` is kept out; from now on somebody was. */
  isNews(key: string, now: number): boolean {
    const told = this.#told.get(key)
    if (told !== undefined && told > now - LOGIN_WINDOW && told <= now) return false
    this.#told.delete(key)
    this.#told.set(key, now)
    if (this.#told.size > MAX_LOGIN_KEYS) dropOldest(this.#told)
    return true
  }

  /** A time to come means that the clock was set back: such a failure would count until the clock has caught up. */
  #within(key: string, now: number): number[] {
    return (this.#times.get(key) ?? []).filter((time) => time > now - LOGIN_WINDOW && time <= now)
  }
}

function dropOldest(collection: Map<string, unknown> | Set<string>): void {
  const oldest = collection.keys().next()
  if (oldest.done === false) collection.delete(oldest.value)
}
