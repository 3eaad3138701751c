import type { CounterChild, HistogramChild } from './counters.ts'
import type { Metrics } from './metrics.ts'
import type { CacheResult, RequestRecord } from './request-record.ts'

/** What a cache result says about which cache. */
const CACHES: Readonly<Record<CacheResult, readonly [cache: string, result: 'hit' | 'miss' | 'stale'] | undefined>> = {
  memory: ['representation', 'hit'],
  made: ['representation', 'miss'],
  refreshed: ['page', 'miss'],
  stale: ['page', 'stale'],
  negative: ['negative', 'hit'],
  disk: ['store', 'hit'],
  proxy: ['store', 'hit'],
  'fill-started': ['store', 'miss'],
  'fill-joined': ['fill', 'hit'],
  revalidated: ['client', 'hit'],
  none: undefined,
}

/** What is counted of one route; children are looked up once. */
class RouteTally {
  readonly #route: string
  readonly #metrics: Metrics
  readonly #statuses: (CounterChild | undefined)[] = []
  readonly #caches = new Map<CacheResult, readonly CounterChild[]>()
  readonly duration: HistogramChild
  readonly bytes: CounterChild

  constructor(route: string, metrics: Metrics) {
    this.#route = route
    this.#metrics = metrics
    this.duration = metrics.histogram('waxseal_http_request_duration_seconds').of(route)
    this.bytes = metrics.counter('waxseal_http_response_bytes_total').of(route)
  }

  requests(status: number, code: string | undefined): CounterChild {
    const family = Math.trunc(status / 100)
    const counter = this.#metrics.counter('waxseal_http_requests_total')
    if (code !== undefined) return counter.of(this.#route, `${family}xx`, code)
    return (this.#statuses[family] ??= counter.of(this.#route, `${family}xx`, ''))
  }

  cache(result: CacheResult): readonly CounterChild[] {
    const known = this.#caches.get(result)
    if (known !== undefined) return known
    const counters = cachesOf(this.#route, result).map((labels) =>
      this.#metrics.counter('waxseal_cache_results_total').of(...labels),
    )
    this.#caches.set(result, counters)
    return counters
  }
}

/** A page that came without asking anybody is a hit of the page cache too, and a small file one of its own cache. */
function cachesOf(route: string, result: CacheResult): readonly (readonly string[])[] {
  const own = CACHES[result]
  if (own === undefined) return []
  if (result === 'memory' && route.startsWith('/files/')) return [['small-file', 'hit']]
  if (result === 'disk') return [own, ['small-file', 'miss']]
  const isPage = route === '/simple/{project}/' && (result === 'memory' || result === 'made')
  return isPage ? [own, ['page', 'hit']] : [own]
}

/** Counts requests when they end. */
export class RequestMetrics {
  readonly #metrics: Metrics
  readonly #routes = new Map<string, RouteTally>()
  inFlight = 0

  constructor(metrics: Metrics) {
    this.#metrics = metrics
    metrics.read((point) => point('waxseal_http_requests_in_flight', this.inFlight))
  }

  ended(
    record: RequestRecord,
    route: string,
    answer: { status: number; bytes: number; ms: number; cut: boolean },
  ): void {
    let tally = this.#routes.get(route)
    if (tally === undefined) {
      tally = new RouteTally(route, this.#metrics)
      this.#routes.set(route, tally)
    }
    tally.requests(answer.status, record.code).value += 1
    tally.duration.record(answer.ms / 1000)
    tally.bytes.value += answer.bytes
    if (record.cache !== 'none') for (const counter of tally.cache(record.cache)) counter.value += 1
    if (answer.cut) this.#metrics.counter('waxseal_http_answers_cut_total').of(route).value += 1
    if (route === '/legacy/' && record.req.method === 'POST') {
      const result = record.upload ?? record.code
      if (result !== undefined) this.#metrics.counter('waxseal_uploads_total').of(result).value += 1
    }
  }
}
