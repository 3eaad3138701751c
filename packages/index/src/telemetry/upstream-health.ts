import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { UpstreamOutcome, UpstreamWatch } from '../upstream/watch.ts'
import type { CounterChild, HistogramChild } from './counters.ts'
import type { EventNotes } from './event-notes.ts'
import type { Metrics } from './metrics.ts'

/** How an upstream does, as this process sees it since its start. */
export interface UpstreamState {
  readonly name: string
  /** Origins that are left alone for now. */
  readonly open: readonly string[]
  /** ISO 8601; null: it has not answered yet. */
  readonly lastSuccess: string | null
  readonly lastError: { readonly at: string; readonly reason: string } | null
}

const OUTCOMES: readonly UpstreamOutcome[] = ['ok', 'not-modified', 'absent', 'refused', 'failed', 'left-alone']

/** Watches one upstream: its metrics, its events, and what readiness and status say of it. */
export class UpstreamHealth implements UpstreamWatch {
  readonly #name: string
  readonly #clock: Clock
  readonly #notes: EventNotes
  readonly #outcomes: ReadonlyMap<UpstreamOutcome, CounterChild>
  readonly #duration: HistogramChild
  readonly #open = new Set<string>()
  #lastSuccess: number | undefined
  #lastError: UpstreamState['lastError'] = null

  constructor(name: string, parts: { readonly clock: Clock; readonly notes: EventNotes; readonly metrics: Metrics }) {
    this.#name = name
    this.#clock = parts.clock
    this.#notes = parts.notes
    const requests = parts.metrics.counter('waxseal_upstream_requests_total')
    this.#outcomes = new Map(OUTCOMES.map((outcome) => [outcome, requests.of(name, outcome)]))
    this.#duration = parts.metrics.histogram('waxseal_upstream_request_duration_seconds').of(name)
    parts.metrics.read((point) => {
      point('waxseal_upstream_circuit_open', this.#open.size, name)
      const at = this.#lastSuccess
      if (at !== undefined) point('waxseal_upstream_last_success_timestamp_seconds', at / 1000, name)
    })
  }

  get state(): UpstreamState {
    return {
      name: this.#name,
      open: [...this.#open],
      lastSuccess: this.#lastSuccess === undefined ? null : new Date(this.#lastSuccess).toISOString(),
      lastError: this.#lastError,
    }
  }

  asked(outcome: UpstreamOutcome, ms: number, reason?: string): void {
    const counter = this.#outcomes.get(outcome)
    if (counter !== undefined) counter.value += 1
    if (outcome === 'left-alone') return
    this.#duration.record(ms / 1000)
    if (outcome === 'failed' || outcome === 'refused') {
      this.#lastError = { at: isoTime(this.#clock), reason: reason ?? 'It answered with an error.' }
    } else this.#lastSuccess = this.#clock.now()
  }

  down(origin: string): void {
    this.#open.add(origin)
    // The failure that opened the circuit is told of right after it.
    setImmediate(() =>
      this.#notes.note({
        kind: 'upstream-down',
        actor: null,
        project: null,
        detail: { upstream: this.#name, origin, error: this.#lastError?.reason ?? null },
      }),
    )
  }

  up(origin: string, downMs: number): void {
    this.#open.delete(origin)
    const downSeconds = Math.round(downMs / 1000)
    this.#notes.note({
      kind: 'upstream-up',
      actor: null,
      project: null,
      detail: { upstream: this.#name, origin, downSeconds },
    })
  }
}
