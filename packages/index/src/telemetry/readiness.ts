import { access, constants } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { DISK_LOW_BYTES, PUBLISH_STUCK_MS, READY_CACHE_MS, READY_CHECK_MS } from '../limits.ts'
import type { Clock } from '../clock.ts'
import type { Unasked } from '../releases/unasked.ts'
import type { Store } from '../store/store.ts'
import type { Metrics } from './metrics.ts'
import { recent } from './recent.ts'
import { readDisk, readWaiting } from './store-facts.ts'
import type { Urgency } from '@waxseal/trust'
import type { SigningWatch } from './signing-watch.ts'
import type { UpstreamState } from './upstream-health.ts'

/** `degraded`: it answers, and something needs attention. */
export type CheckState = 'ok' | 'degraded' | 'failed'

export interface Check {
  readonly state: CheckState
  /** For people; without paths, names and secrets, since anybody may ask. */
  readonly reason?: string
}

export const CHECKS = ['running', 'database', 'writing', 'files', 'disk', 'publisher', 'signing', 'upstreams'] as const
export type CheckName = (typeof CHECKS)[number]

export interface ReadyReport {
  readonly status: 'ready' | 'degraded' | 'not-ready'
  /** What this server does not do by configuration. */
  readonly modes: readonly Unasked[]
  readonly checks: Readonly<Record<CheckName, Check>>
}

export interface ReadinessParts {
  readonly store: Store
  readonly clock: Clock
  readonly blobsDir: string
  readonly dataDir: string
  readonly readOnly: boolean
  readonly modes: readonly Unasked[]
  readonly upstreams: () => readonly UpstreamState[]
  readonly signing: Pick<SigningWatch, 'problem' | 'status'>
  /** Why the last write of this process failed; undefined: it did not. */
  readonly writeFailure: () => string | undefined
}

const OK: Check = { state: 'ok' }

/** Whether this server should be sent requests. Looked at once a second at most, whoever asks how often. */
export class Readiness {
  readonly #parts: ReadinessParts
  #stopping = false
  #recent = recent(READY_CACHE_MS, () => this.#look())

  constructor(parts: ReadinessParts, metrics: Metrics) {
    this.#parts = parts
    metrics.read(async (point) => {
      const { checks } = await this.report()
      for (const name of CHECKS) {
        point('waxseal_ready', checks[name].state === 'failed' ? 0 : 1, name)
        point('waxseal_degraded', checks[name].state === 'degraded' ? 1 : 0, name)
      }
    })
  }

  /** No more requests should come; those that do are answered all the same. */
  stopping(): void {
    this.#stopping = true
    this.#recent = recent(READY_CACHE_MS, () => this.#look())
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  report(): Promise<ReadyReport> {
    return this.#recent()
  }

  async #look(): Promise<ReadyReport> {
    const { store, clock, blobsDir, dataDir, readOnly } = this.#parts
    const [database, publisher, signing, files, disk] = await Promise.all([
      checked('The database does not answer.', async () => {
        await store.db.selectFrom('setting').select('key').limit(1).execute()
        return OK
      }),
      checked('The journal cannot be read.', async () => {
        const { oldestSeconds } = await readWaiting(store, clock)
        if (readOnly || oldestSeconds * 1000 < PUBLISH_STUCK_MS) return OK
        // Not failed: what is published is served, and every server of the same database would go with this one.
        return {
          state: 'degraded',
          reason: `A change has been waiting for ${Math.round(oldestSeconds)} s to be published.`,
        }
      }),
      // Never failed: pip needs no signature, and every server of the same database would go with this one.
      checked('It cannot be seen how long signatures hold.', () => this.#signing(), 'degraded'),
      checked('The stored files cannot be read.', async () => {
        await access(blobsDir, constants.R_OK | constants.X_OK)
        return OK
      }),
      checked('The disk cannot be looked at.', async () => {
        const { freeBytes } = await readDisk(dataDir)
        if (freeBytes > DISK_LOW_BYTES) return OK
        return { state: 'degraded', reason: 'The disk is nearly full: uploads and new files will fail.' }
      }),
    ])
    const running: Check = this.#stopping ? { state: 'failed', reason: 'The server is stopping.' } : OK
    const checks = {
      running,
      database,
      writing: this.#writing(),
      files,
      disk,
      publisher,
      signing,
      upstreams: this.#upstreams(),
    }
    return { status: statusOf(checks), modes: this.#parts.modes, checks }
  }

  #writing(): Check {
    const reason = this.#parts.writeFailure()
    return reason === undefined ? OK : { state: 'degraded', reason }
  }

  async #signing(): Promise<Check> {
    const { signing } = this.#parts
    const roles = (await signing.status())?.roles ?? []
    const named = (wanted: Urgency): string =>
      roles.flatMap(({ role, urgency }) => (urgency === wanted ? [role] : [])).join(', ')
    const [ended, ending] = [named('expired'), named('alarm')]
    const reason =
      ended !== ''
        ? `The signatures of ${ended} have ended: clients that verify refuse this index.`
        : signing.problem !== undefined
          ? 'Signatures cannot be renewed: clients that verify refuse this index in time.'
          : `The signatures of ${ending} end soon, and have to be made anew: see waxseal status.`
    return ended === '' && ending === '' && signing.problem === undefined ? OK : { state: 'degraded', reason }
  }

  #upstreams(): Check {
    const states = this.#parts.upstreams()
    const down = states.filter(({ open }) => open.length > 0).length
    if (down === 0) return OK
    const reason = `${down} of ${states.length} upstreams fail and are left alone for a while; what is here is served.`
    return { state: 'degraded', reason }
  }
}

function statusOf(checks: ReadyReport['checks']): ReadyReport['status'] {
  const states = CHECKS.map((name) => checks[name].state)
  if (states.includes('failed')) return 'not-ready'
  return states.includes('degraded') ? 'degraded' : 'ready'
}

/** What hangs has failed: whoever asks wants to know now. */
async function checked(failure: string, look: () => Promise<Check>, state: CheckState = 'failed'): Promise<Check> {
  const failed: Check = { state, reason: failure }
  const ended = new AbortController()
  const late = delay(READY_CHECK_MS, failed, { signal: ended.signal, ref: false }).catch(() => failed)
  try {
    return await Promise.race([look().catch(() => failed), late])
  } finally {
    ended.abort()
  }
}
