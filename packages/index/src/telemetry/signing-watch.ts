import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { SIGNING_LOOK_MS, SIGNING_REMIND_MS } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Metrics } from './metrics.ts'
import { recent } from './recent.ts'
import { needsAttention, readSigningDates, signingAttention, signingStatus } from './signing-status.ts'
import type { SigningStatus } from './signing-status.ts'

export interface SigningWatchParts {
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn' | 'error'>
  readonly metrics: Metrics
}

/** Watches for how long signatures still hold, and whether they are renewed: metrics, reminders in the log, readiness. */
export class SigningWatch {
  readonly #parts: SigningWatchParts
  readonly #dates: () => ReturnType<typeof readSigningDates>
  readonly #reminded = new Map<string, { readonly urgency: string; readonly at: number }>()
  #problem: string | undefined

  constructor(parts: SigningWatchParts) {
    this.#parts = parts
    this.#dates = recent(SIGNING_LOOK_MS, () => readSigningDates(parts.store))
    parts.metrics.read(async (point) => {
      for (const role of (await this.status())?.roles ?? []) {
        point('waxseal_role_expiry_timestamp_seconds', Date.parse(role.expires) / 1000, role.role)
        point('waxseal_role_alarm', needsAttention(role) ? 1 : 0, role.role)
      }
    })
  }

  /** Undefined while the index is not signed. @throws IndexError, and what a database throws */
  async status(): Promise<SigningStatus | undefined> {
    const dates = await this.#dates()
    return dates === undefined ? undefined : signingStatus(dates, this.#parts.clock.now())
  }

  /** Why the last renewal failed; undefined: it did not. For administrators: it may name files and services. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Does a renewal, and remembers how it went. @throws whatever it throws */
  async renewing(renew: () => Promise<void>): Promise<void> {
    try {
      await renew()
      this.#problem = undefined
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error)
      throw error
    }
  }

  /** Logs what ends soon or has ended: when that begins, and once a day from then on. */
  async remind(): Promise<void> {
    const { clock, log } = this.#parts
    const now = clock.now()
    const roles = (await this.status())?.roles ?? []
    for (const { role, urgency } of roles) {
      // Renewed meanwhile: the next time is a new one.
      if (this.#reminded.get(role)?.urgency !== urgency) this.#reminded.delete(role)
    }
    const due = roles.filter((role) => {
      const last = this.#reminded.get(role.role)
      return needsAttention(role) && (last === undefined || Math.abs(now - last.at) >= SIGNING_REMIND_MS)
    })
    for (const { role, urgency } of due) this.#reminded.set(role, { urgency, at: now })
    for (const urgency of ['expired', 'alarm']) {
      const some = due.filter((role) => role.urgency === urgency)
      for (const line of signingAttention(some)) log[urgency === 'expired' ? 'error' : 'warn'](line)
    }
  }
}
