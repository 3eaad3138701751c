import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { z } from 'zod'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { NODE_INTERVAL_MS } from '../limits.ts'
import { seenWhileRunning } from '../store/running-nodes.ts'
import type { Store } from '../store/store.ts'
import type { Metrics } from './metrics.ts'
import type { UpstreamState } from './upstream-health.ts'

const nodeStatus = z.object({
  /** Requests answered since its start, and those that were refused with a 5xx. */
  requests: z.number(),
  failures: z.number(),
  /** Cache results since its start: `page`, `representation`, … */
  caches: z.record(z.string(), z.object({ hits: z.number(), misses: z.number() })),
  upstreams: z.array(
    z.object({
      name: z.string(),
      open: z.array(z.string()),
      lastSuccess: z.string().nullable(),
      lastError: z.object({ at: z.string(), reason: z.string() }).nullable(),
    }),
  ),
  /** When its TLS certificate expires; null without TLS. */
  certificateExpires: z.string().nullable(),
  /** Why the certificate's files as they are now are not served; null: they are. */
  certificateProblem: z.string().nullable().default(null),
  /** Why it could not renew signatures the last time; null: it could, or has none to renew. */
  signingProblem: z.string().nullable().default(null),
  /** What it does not do by configuration: `offline`, and with its own word only `read-only`. */
  modes: z.array(z.string()).default([]),
  residentBytes: z.number(),
})

/** What a server counted since its start. */
export type NodeStatus = z.infer<typeof nodeStatus>

/** A server that runs on the same database, by its own word. */
export interface RunningNode extends NodeStatus {
  readonly id: string
  readonly startedAt: string
  readonly seenAt: string
  readonly version: string
}

/** A server that has not said for `RUNNING_NODE_MS` that it runs, and never that it stops. */
export type SilentNode = Pick<RunningNode, 'id' | 'seenAt' | 'version'>

/** The servers that said within `RUNNING_NODE_MS` that they run, and the silent ones that no other has cleared away yet. */
export async function readNodes(
  store: Store,
  clock: Clock,
): Promise<{ readonly running: readonly RunningNode[]; readonly silent: readonly SilentNode[] }> {
  const { from, to } = seenWhileRunning(clock)
  const rows = await store.db.selectFrom('node').selectAll().orderBy('started_at').execute()
  const running = rows.filter(({ seen_at }) => seen_at >= from && seen_at <= to)
  return {
    running: running.flatMap(({ id, started_at, seen_at, version, status }) => {
      const parsed = nodeStatus.safeParse(JSON.parse(status))
      return parsed.success ? [{ id, startedAt: started_at, seenAt: seen_at, version, ...parsed.data }] : []
    }),
    silent: rows
      .filter((row) => !running.includes(row))
      .map(({ id, seen_at, version }) => ({ id, seenAt: seen_at, version })),
  }
}

export interface NodeReportParts {
  readonly store: Store
  readonly clock: Clock
  readonly metrics: Metrics
  readonly version: string
  readonly upstreams: () => readonly UpstreamState[]
  readonly modes: readonly string[]
  readonly signingProblem: () => string | undefined
  /** True: nothing is written, and nobody but this server itself can tell of it. */
  readonly readOnly: boolean
  /** Milliseconds since the epoch; undefined without TLS. */
  readonly certificate: () => { readonly notAfter: number; readonly problem?: string } | undefined
}

/**
 * Says in the table `node`, every `NODE_INTERVAL_MS`, that this server runs and how it does; takes its row away when it
 * is disposed of, and those of servers that died. Its outcome is what readiness knows about writing.
 */
export class NodeReport implements AsyncDisposable {
  readonly id = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  readonly #parts: NodeReportParts
  readonly #startedAt: string
  readonly #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #failure: string | undefined

  constructor(parts: NodeReportParts) {
    this.#parts = parts
    this.#startedAt = isoTime(parts.clock)
    if (parts.readOnly) return
    this.#timer = setInterval(() => this.#tell(), NODE_INTERVAL_MS).unref()
    this.#tell()
  }

  /** Why the last write failed; undefined: it did not. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** What this server would say of itself now. */
  current(): RunningNode {
    const { clock, version } = this.#parts
    return { id: this.id, startedAt: this.#startedAt, seenAt: isoTime(clock), version, ...this.#status() }
  }

  /** One at a time: a database that is slow is not asked again meanwhile. */
  #tell(): void {
    this.#running ??= this.#write()
      .then(
        () => (this.#failure = undefined),
        () => (this.#failure = 'The database takes no writes: uploads and changes fail.'),
      )
      .then(() => (this.#running = undefined))
  }

  async #write(): Promise<void> {
    const { store, clock, version } = this.#parts
    const values = { seen_at: isoTime(clock), version, status: JSON.stringify(this.#status()) }
    const { from, to } = seenWhileRunning(clock)
    await store.transaction(async (tx) => {
      await tx
        .deleteFrom('node')
        .where((eb) => eb.or([eb('seen_at', '<', from), eb('seen_at', '>', to)]))
        .execute()
      await tx
        .insertInto('node')
        .values({ id: this.id, started_at: this.#startedAt, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute()
    })
  }

  #status(): NodeStatus {
    const { metrics, upstreams, modes, signingProblem } = this.#parts
    const certificate = this.#parts.certificate()
    let requests = 0
    let failures = 0
    for (const { labels, value } of metrics.counter('waxseal_http_requests_total').children) {
      requests += value
      if (labels[1] === '5xx') failures += value
    }
    const caches = new Map<string, { hits: number; misses: number }>()
    for (const { labels, value } of metrics.counter('waxseal_cache_results_total').children) {
      const [cache = '', result] = labels
      const counts = caches.get(cache) ?? { hits: 0, misses: 0 }
      caches.set(cache, counts)
      if (result === 'hit') counts.hits += value
      else counts.misses += value
    }
    return {
      requests,
      failures,
      caches: Object.fromEntries(caches),
      upstreams: upstreams().map((state) => ({ ...state, open: [...state.open] })),
      certificateExpires: certificate === undefined ? null : new Date(certificate.notAfter).toISOString(),
      certificateProblem: certificate?.problem ?? null,
      signingProblem: signingProblem() ?? null,
      modes: [...modes],
      residentBytes: process.memoryUsage.rss(),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    const { store, readOnly } = this.#parts
    if (readOnly) return
    // A full disk keeps the row; it counts as gone a minute later.
    await store.transaction((tx) => tx.deleteFrom('node').where('id', '=', this.id).execute()).catch(() => undefined)
  }
}
