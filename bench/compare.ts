import { cpuMicroseconds } from './processes.ts'
import { median } from './figure.ts'
import { runWrk } from './wrk.ts'
import type { WrkLoad } from './wrk.ts'

/** One side of a comparison: an address, and the processes whose work it is. */
export interface Side {
  readonly url: string
  readonly pids: () => readonly number[]
}

/** Medians over the rounds. */
export interface Cost {
  /** CPU time a request, in microseconds. */
  readonly cpu: number
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
}

/**
 * Measures the sides in turn, round after round, so that what else the machine does hits all alike. `bodySize` counts
 * bytes instead of requests, for answers so large that the unfinished ones matter.
 */
export async function compare(
  sides: readonly Side[],
  load: WrkLoad,
  options: { readonly script: string; readonly rounds: number; readonly bodySize?: number },
): Promise<readonly Cost[]> {
  const runs = sides.map(() => [] as Cost[])
  // Ours compiles what runs often; nginx is compiled.
  for (const side of sides.slice(0, 1)) await runWrk(options.script, side.url, { ...load, seconds: 1 })
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [at, side] of sides.entries()) {
      const before = cpuMicroseconds(side.pids())
      const { requests, bytes, microseconds } = await runWrk(options.script, side.url, load)
      const used = cpuMicroseconds(side.pids()) - before
      const count = options.bodySize === undefined ? requests : bytes / options.bodySize
      const seconds = microseconds / 1e6
      runs[at]?.push({ cpu: used / count, requestsPerSecond: count / seconds, bytesPerSecond: bytes / seconds })
    }
  }
  return runs.map((costs) => ({
    cpu: median(costs.map(({ cpu }) => cpu)),
    requestsPerSecond: median(costs.map(({ requestsPerSecond }) => requestsPerSecond)),
    bytesPerSecond: median(costs.map(({ bytesPerSecond }) => bytesPerSecond)),
  }))
}

/** `41 µs, 21,000/s` */
export function describeCost({ cpu, requestsPerSecond }: Cost): string {
  return `${Math.round(cpu).toLocaleString('en')} µs CPU, ${Math.round(requestsPerSecond).toLocaleString('en')}/s`
}
