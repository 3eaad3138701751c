import { readFile, readdir } from 'node:fs/promises'
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import { EVENT_LOOP_WINDOW_MS } from '../limits.ts'
import type { Metrics } from './metrics.ts'

const QUANTILES = [50, 90, 99] as const

/** What watching costs begins with the first scrape: without one, nobody wants to know. */
interface Watching {
  /** In the window that lasts and the one before. */
  loop(): { readonly delays: readonly number[]; readonly utilization: number }
  gcSeconds: number
}

/**
 * Has `metrics` tell about this process: memory, processor, descriptors, event loop, garbage collection. The event loop's
 * windows of `windowMs` end by themselves: if a scrape ended them, any stranger who may scrape could hide what was.
 */
export function readProcess(metrics: Metrics, windowMs: number = EVENT_LOOP_WINDOW_MS): void {
  let watching: Watching | undefined
  metrics.read((point) => {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    point('process_resident_memory_bytes', rss)
    point('nodejs_heap_used_bytes', heapUsed)
    point('nodejs_heap_size_bytes', heapTotal)
    point('nodejs_external_memory_bytes', external)
    const { user, system } = process.cpuUsage()
    point('process_cpu_seconds_total', (user + system) / 1e6)
    watching ??= watch(windowMs)
    const { delays, utilization } = watching.loop()
    for (const [at, seconds] of delays.entries()) {
      point('nodejs_eventloop_delay_seconds', seconds, String((QUANTILES[at] ?? 0) / 100))
    }
    point('nodejs_eventloop_utilization', utilization)
    point('nodejs_gc_duration_seconds_total', watching.gcSeconds)
  })
  metrics.read(async (point) => {
    point('process_open_fds', (await readdir('/proc/self/fd')).length)
    const limits = await readFile('/proc/self/limits', 'utf8')
    const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1])
    if (Number.isFinite(soft)) point('process_max_fds', soft)
  })
}

function watch(windowMs: number): Watching {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const late = (): readonly number[] =>
    QUANTILES.map((quantile) => (delay.count === 0 ? 0 : Math.max(0, delay.percentile(quantile)) / 1e9))
  let since = performance.eventLoopUtilization()
  let before = { delays: late(), since }
  setInterval(() => {
    before = { delays: late(), since }
    delay.reset()
    since = performance.eventLoopUtilization()
  }, windowMs).unref()
  const watching: Watching = {
    loop: () => ({
      delays: late().map((seconds, at) => Math.max(seconds, before.delays[at] ?? 0)),
      utilization: performance.eventLoopUtilization(before.since).utilization,
    }),
    gcSeconds: 0,
  }
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watching.gcSeconds += duration / 1000
  }).observe({ entryTypes: ['gc'] })
  return watching
}
