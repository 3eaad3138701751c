import { TrustError } from '@waxseal/trust/client'
import type { TrustClient } from '@waxseal/trust/client'
import type { Defences } from './defences.ts'
import { unreachable, unverified } from './failures.ts'
import type { RunReport } from './run-report.ts'
import { trustAdvice } from './trust-advice.ts'

export interface SignedStateParts {
  readonly url: string
  readonly client: TrustClient
  readonly report: RunReport
  readonly defences: Defences
  /** Nothing is asked of the network. */
  readonly offline: boolean
}

/** What the index has signed as a whole: brought up to date, or used as it is where the network is away. */
export class SignedState {
  readonly #parts: SignedStateParts

  constructor(parts: SignedStateParts) {
    this.#parts = parts
  }

  /** Version of the snapshot that answers are given from; 0 where nothing was verified. */
  get snapshot(): number {
    return this.#parts.client.snapshot ?? 0
  }

  /** When it was signed, in milliseconds since 1970. */
  get issued(): number {
    return this.#parts.client.issued
  }

  /**
   * Brings what is trusted up to date. Without network, what was verified before has to do until it expires.
   * @throws GuardError `page-unverified` with the reason as `data.trust`, or `index-unreachable` where there is nothing yet
   */
  async refresh(): Promise<void> {
    const { url, client, report, offline, defences } = this.#parts
    if (offline) {
      if (client.snapshot === undefined) throw unreachable(url, 'nothing of it was verified here yet.')
      report.offline = true
      return
    }
    try {
      const { equivocation } = await client.refresh()
      report.offline = false
      if (equivocation)
        report.note(`${url} shows two different states under one number. ${trustAdvice('equivocation')}`)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      if (!defences.has('signatures')) return
      if (error.code !== 'fetch-failed') throw unverified(`The state of ${url}`, error)
      if (client.snapshot === undefined) throw unreachable(url, error.message, error)
      report.offline = true
      report.note(`${url} could not be reached (${error.message}); what was verified before had to do.`)
    }
  }

  /** Brings it up to a snapshot that the index has named, which is only its word: what is signed is taken in any case. */
  async reach(snapshot: number): Promise<void> {
    // Whoever asks while a refresh is under way gets that one's result, which may have begun too early.
    for (let tries = 0; tries < 2 && this.snapshot < snapshot; tries += 1) await this.refresh()
  }
}
