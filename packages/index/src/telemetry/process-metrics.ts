import { readFile, readdir } from 'node:fs/promises'
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import type { EventLoopUtilization } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

const QUANTILES = [50, 90, 99] as const

/** What watching costs begins with the first scrape: without one, nobody wants to know. */
interface Watching {
  readonly delay: ReturnType<typeof monitorEventLoopDelay>
  utilization: EventLoopUtilization
  gcSeconds: number
}

/** Has `metrics` tell about this process: memory, processor, descriptors, event loop, garbage collection. */
export function readProcess(metrics: Metrics): void {
  let watching: Watching | undefined
  metrics.read((point) => {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    point('process_resident_memory_bytes', rss)
    point('nodejs_heap_used_bytes', heapUsed)
    point('nodejs_heap_size_bytes', heapTotal)
    point('nodejs_external_memory_bytes', external)
    const { user, system } = process.cpuUsage()
    point('process_cpu_seconds_total', (user + system) / 1e6)
    watching ??= watch()
    const { delay, utilization, gcSeconds } = watching
    for (const quantile of QUANTILES) {
      const nanoseconds = delay.count === 0 ? 0 : Math.max(0, delay.percentile(quantile))
      point('nodejs_eventloop_delay_seconds', nanoseconds / 1e9, String(quantile / 100))
    }
    delay.reset()
    point('nodejs_eventloop_utilization', performance.eventLoopUtilization(utilization).utilization)
    watching.utilization = performance.eventLoopUtilization()
    point('nodejs_gc_duration_seconds_total', gcSeconds)
  })
  metrics.read(async (point) => {
    point('process_open_fds', (await readdir('/proc/self/fd')).length)
    const limits = await readFile('/proc/self/limits', 'utf8')
    const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1])
    if (Number.isFinite(soft)) point('process_max_fds', soft)
  })
}

function watch(): Watching {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const watching: Watching = { delay, utilization: performance.eventLoopUtilization(), gcSeconds: 0 }
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watching.gcSeconds += duration / 1000
  }).observe({ entryTypes: ['gc'] })
  return watching
}
