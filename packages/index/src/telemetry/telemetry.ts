import type { Logger } from 'pino'
import type { IndexConfig } from '../index-config.ts'
import { EVENT_KINDS, logEvent } from './event-log.ts'
import type { EventSink } from './events.ts'
import { openLog } from './log.ts'
import { Metrics } from './metrics.ts'
import { readProcess } from './process-metrics.ts'

/** How an index tells what it does: one log, one set of metrics. */
export interface Telemetry extends AsyncDisposable {
  readonly log: Logger
  /** Takes a whole JSON line into the same log. */
  readonly writeLine: (line: string) => void
  readonly metrics: Metrics
  /** The log line and the metric of every recorded event. */
  readonly sink: EventSink
}

/** Opens the log and the metrics of an index; `write` takes its lines in place of standard error. */
export function openTelemetry(config: IndexConfig, write?: (line: string) => void): Telemetry {
  const metrics = new Metrics()
  const lost = metrics.counter('waxseal_log_lines_lost_total').of()
  const onLost = (lines: number): void => {
    lost.value += lines
  }
  const opened = openLog(config.log, { secrets: secretsOf(config), onLost, write })
  const { log, writeLine } = opened
  readProcess(metrics)
  const started = Date.now() / 1000
  metrics.read((point) => {
    point('waxseal_build_info', 1, config.version, `node ${process.version}`)
    point('waxseal_started_timestamp_seconds', started)
  })
  const events = metrics.counter('waxseal_events_total')
  // From zero: the first one counts as an increase, too.
  for (const kind of EVENT_KINDS) events.of(kind)
  return {
    log,
    writeLine,
    metrics,
    sink(event) {
      logEvent(log, event)
      events.of(event.kind).value += 1
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** What the configuration knows and no line may hold. */
function secretsOf({ adminToken, database, upstreams }: IndexConfig): readonly string[] {
  const secrets = [adminToken]
  if (database.kind === 'postgres') secrets.push(passwordOf(database.url))
  for (const { password, token, url, proxy } of upstreams) {
    secrets.push(password, token, passwordOf(url), proxy === undefined ? undefined : passwordOf(proxy))
  }
  return secrets.flatMap((secret) => (secret === undefined || secret === '' ? [] : [secret]))
}

function passwordOf(url: string): string | undefined {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : undefined
}
