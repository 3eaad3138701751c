import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { CONNECTION_REFUSALS } from '../http/connection-watch.ts'
import type { ConnectionCounts, ConnectionRefusal, ConnectionWatch } from '../http/connection-watch.ts'
import { REFUSAL_LINES_PER_MINUTE } from '../limits.ts'
import type { Counter } from './counters.ts'
import type { Metrics } from './metrics.ts'
import { PerMinute } from './per-minute.ts'
import type { RequestLog } from './request-log.ts'

export interface ConnectionLogParts {
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** False: a line only where the server is full, as of requests only 5xx have one. */
  readonly refusals: boolean
  readonly requests: RequestLog
}

/** What the limits on connections do: counted all, and logged as far as strangers cannot fill a disk with it. */
export class ConnectionLog implements ConnectionWatch {
  readonly #parts: ConnectionLogParts
  readonly #counter: Counter
  readonly #lines = new PerMinute<ConnectionRefusal>(REFUSAL_LINES_PER_MINUTE)

  constructor(parts: ConnectionLogParts) {
    this.#parts = parts
    this.#counter = parts.metrics.counter('waxseal_connections_refused_total')
    // From zero: the first one counts as an increase, too.
    for (const why of CONNECTION_REFUSALS) this.#counter.of(why)
  }

  opened(counts: ConnectionCounts): void {
    this.#parts.metrics.read((point) => {
      point('waxseal_connections', counts.size - counts.busy, 'idle')
      point('waxseal_connections', counts.busy, 'busy')
    })
  }

  refused(why: ConnectionRefusal, client: string, status?: number): void {
    this.#counter.of(why).value += 1
    const { log, clock, refusals } = this.#parts
    const level = why === 'full' ? 'warn' : 'info'
    if ((!refusals && level === 'info') || !this.#lines.take(why, clock.now())) return
    log[level]({ reason: why, status, client }, 'connection refused')
  }

  refusing(req: IncomingMessage, res: ServerResponse): void {
    this.#parts.requests.begin(req, res)
  }
}
