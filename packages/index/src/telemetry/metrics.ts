import { DURATION_BUCKETS } from '../limits.ts'
import { Counter, Histogram } from './counters.ts'
import type { HistogramChild } from './counters.ts'
import { METRICS } from './metric-definitions.ts'
import type { MetricName } from './metric-definitions.ts'

/** One value of a metric at the moment of a scrape; labels in the order of its definition. */
export interface Point {
  readonly labels: readonly string[]
  readonly value: number
}

/** A metric with everything that is known of it. */
export interface Family {
  readonly name: MetricName
  readonly points: readonly Point[]
  readonly histograms: readonly HistogramChild[]
}

/** Reads what is not counted but looked at: called at a scrape, may fail without harm to the rest. */
export type Reader = (point: (name: MetricName, value: number, ...labels: readonly string[]) => void) => unknown

/**
 * Everything that is counted in this process. Plain numbers, so that counting costs nanoseconds and no memory;
 * OpenTelemetry is loaded when somebody first asks for them (docs/decisions/0011-metrics.md).
 */
export class Metrics {
  readonly #counters = new Map<MetricName, Counter>()
  readonly #histograms = new Map<MetricName, Histogram>()
  readonly #readers: Reader[] = []

  counter(name: MetricName): Counter {
    const counter = this.#counters.get(name) ?? new Counter()
    this.#counters.set(name, counter)
    return counter
  }

  histogram(name: MetricName): Histogram {
    const histogram = this.#histograms.get(name) ?? new Histogram(DURATION_BUCKETS)
    this.#histograms.set(name, histogram)
    return histogram
  }

  /** Has `reader` called at each scrape. */
  read(reader: Reader): void {
    this.#readers.push(reader)
  }

  /** All metrics in the order of their definition, those without a value included. */
  async collect(): Promise<readonly Family[]> {
    const looked = new Map<MetricName, Point[]>()
    const point = (name: MetricName, value: number, ...labels: readonly string[]): void => {
      const points = looked.get(name) ?? []
      looked.set(name, points)
      points.push({ labels, value })
    }
    // A database that does not answer must not hide that it does not answer.
    await Promise.allSettled(this.#readers.map(async (reader) => reader(point)))
    return (Object.keys(METRICS) as MetricName[]).map((name) => ({
      name,
      points: [...(this.#counters.get(name)?.children ?? []), ...(looked.get(name) ?? [])],
      histograms: [...(this.#histograms.get(name)?.children ?? [])],
    }))
  }
}
