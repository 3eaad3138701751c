import { join } from 'node:path'
import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import type { BackgroundWork } from './background-work.ts'
import { clientAddressBehind, comesFrom } from './http/client-address.ts'
import type { TrustedProxies } from './http/client-address.ts'
import type { ConnectionWatch } from './http/connection-watch.ts'
import { EventsRoute } from './http/events-route.ts'
import type { OperationParts } from './http/operation-routes.ts'
import type { IndexConfig } from './index-config.ts'
import { METRICS_CACHE_MS } from './limits.ts'
import type { PublishedBatch } from './publish/publisher.ts'
import type { Unasked } from './releases/unasked.ts'
import { DownloadTally } from './telemetry/download-tally.ts'
import { ConnectionLog } from './telemetry/connection-log.ts'
import { EventNotes } from './telemetry/event-notes.ts'
import type { EventDetails } from './telemetry/events.ts'
import { readIndexStatus } from './telemetry/index-status.ts'
import type { IndexStatusParts } from './telemetry/index-status.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { NodeReport } from './telemetry/node-status.ts'
import { Readiness } from './telemetry/readiness.ts'
import { recent } from './telemetry/recent.ts'
import { RequestLog } from './telemetry/request-log.ts'
import { RequestMetrics } from './telemetry/request-metrics.ts'
import { readStore } from './telemetry/store-metrics.ts'
import { SigningWatch } from './telemetry/signing-watch.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { UpstreamHealth } from './telemetry/upstream-health.ts'
import type { UpstreamConfig } from './upstream/config.ts'
import type { UpstreamWatch } from './upstream/watch.ts'

/** A TLS certificate that is served, and may be replaced. Times in milliseconds since the epoch. */
export interface WatchedCertificate {
  readonly status: { readonly notAfter: number; readonly problem?: string }
  onChange(listener: (pair: { readonly status: { readonly notAfter: number; readonly sha256: string } }) => void): void
}

export interface ObserveParts {
  readonly telemetry: Telemetry
  readonly statusParts: IndexStatusParts
  readonly background: BackgroundWork
  /** The upstreams that are asked at all. */
  readonly asked: readonly UpstreamConfig[]
  readonly proxies: TrustedProxies
}

/** What watches a running index and tells of it. Disposing of it begins to write what is left to tell. */
export interface Observation extends AsyncDisposable {
  readonly requests: RequestLog
  /** Who downloads what of upstreams. */
  readonly tally: DownloadTally
  readonly connections: ConnectionWatch
  readonly signing: SigningWatch
  readonly operation: OperationParts
  /** What this server does not do by configuration. */
  readonly modes: readonly Unasked[]
  watchUpstream(name: string): UpstreamWatch | undefined
  watchFills(fills: ReadonlyMap<string, { readonly size: number }>): void
  watchCertificate(certificate: WatchedCertificate): void
  noteFailedLogins(burst: EventDetails['login-failures']): void
  announceStart(): void
  announceStop(): void
}

/** Counts what the publisher does; before there is a store to observe, since opening one may publish. */
export function watchPublishing(metrics: Metrics): (batch: PublishedBatch) => void {
  const published = metrics.counter('waxseal_publishes_total').of()
  const publishing = metrics.histogram('waxseal_publish_duration_seconds').of()
  return ({ pages, ms }) => {
    if (pages > 0) published.value += 1
    publishing.record(ms / 1000)
  }
}

/** Puts together what a server tells: metrics, events, readiness, status, its row among the servers, its request log. */
export function observeIndex(config: IndexConfig, parts: ObserveParts): Observation {
  const { telemetry, statusParts, background, asked, proxies } = parts
  const { log, writeLine, metrics, sink } = telemetry
  const { store, clock, dataDir } = statusParts
  const { readOnly, version } = config

  const modes = [...(readOnly ? (['read-only'] as const) : []), ...(config.offline ? (['offline'] as const) : [])]
  const notes = new EventNotes({ store, clock, background, tell: sink, readOnly })
  const health = new Map(asked.map(({ name }) => [name, new UpstreamHealth(name, { clock, notes, metrics })]))
  const upstreams = () => [...health.values()].map(({ state }) => state)
  let certificate: WatchedCertificate | undefined
  readStore(metrics, statusParts)
  metrics.read((point) => {
    if (certificate === undefined) return
    const { notAfter, problem } = certificate.status
    point('waxseal_certificate_expiry_timestamp_seconds', notAfter / 1000)
    point('waxseal_certificate_problem', problem === undefined ? 0 : 1)
  })
  const signing = new SigningWatch({ store, clock, log, metrics })
  const report = new NodeReport({
    store,
    clock,
    metrics,
    version,
    modes,
    upstreams,
    certificate: () => certificate?.status,
    signingProblem: () => signing.problem,
    readOnly,
  })
  const events = new EventsRoute(store)
  const readiness = new Readiness(
    {
      store,
      clock,
      blobsDir: join(dataDir, 'blobs'),
      dataDir,
      readOnly,
      modes,
      upstreams,
      signing,
      writeFailure: () => report.failure,
    },
    metrics,
  )
  const clientAddress = clientAddressBehind(proxies)
  const tally = new DownloadTally({ store, clock, days: readOnly ? 0 : config.claims.tallyDays })
  const requests = new RequestLog({
    log,
    writeLine,
    metrics: new RequestMetrics(metrics),
    requests: config.log.requests,
    clientAddress,
    onDownload: (project, who, address) => {
      if (isValidProjectName(project)) tally.note(normalizeProjectName(project), who, address)
    },
    fromProxy: comesFrom(proxies),
  })
  let started = false
  return {
    modes,
    tally,
    requests,
    signing,
    connections: new ConnectionLog({ log, metrics, clock, refusals: config.log.requests, requests }),
    operation: {
      readiness,
      metricsText: recent(METRICS_CACHE_MS, async () => {
        const { prometheusText } = await import('./telemetry/prometheus.ts')
        return await prometheusText(metrics)
      }),
      metricsAccess: config.metrics ?? (config.reading === 'public' ? 'public' : 'token'),
      version,
      events,
      status: () => readIndexStatus(statusParts, report.current()),
    },
    watchUpstream: (name) => health.get(name),
    watchFills(fills) {
      metrics.read((point) => {
        for (const [upstream, table] of fills) point('waxseal_fills_running', table.size, upstream)
      })
    },
    watchCertificate(watched) {
      certificate = watched
      watched.onChange(({ status: { notAfter, sha256 } }) => {
        const detail = { notAfter: new Date(notAfter).toISOString(), fingerprint: sha256 }
        notes.note({ kind: 'certificate-reloaded', actor: null, project: null, detail })
      })
    },
    noteFailedLogins(detail) {
      const { user, address } = detail
      const note = { kind: 'login-failures', project: null, detail } as const
      // What is about nobody's account strangers can cause without end, and nothing leaves the audit again.
      if (user === null) return notes.note({ ...note, actor: null })
      notes.note({ ...note, by: { name: null, credential: null, address }, subject: user })
    },
    announceStart() {
      started = true
      notes.note({ kind: 'server-started', actor: null, project: null, detail: { version, node: report.id } })
    },
    announceStop() {
      readiness.stopping()
      events.stop()
    },
    async [Symbol.asyncDispose]() {
      if (started) {
        notes.note({ kind: 'server-stopped', actor: null, project: null, detail: { version, node: report.id } })
      }
      await report[Symbol.asyncDispose]()
    },
  }
}
