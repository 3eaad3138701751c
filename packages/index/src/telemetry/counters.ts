/** A number that only grows. Adding to it is an addition: what is hot keeps the child, not the labels. */
export interface CounterChild {
  value: number
}

/** A counter by its labels. */
export class Counter {
  readonly #children = new Map<string, { readonly labels: readonly string[]; value: number }>()

  /** The counter of these label values, in the order of the metric's definition. */
  of(...labels: readonly string[]): CounterChild {
    const key = labels.join('\n')
    let child = this.#children.get(key)
    if (child === undefined) {
      child = { labels, value: 0 }
      this.#children.set(key, child)
    }
    return child
  }

  /** Every combination of labels that was counted. */
  get children(): Iterable<{ readonly labels: readonly string[]; readonly value: number }> {
    return this.#children.values()
  }
}

/** How often a value fell into which bucket. */
export class HistogramChild {
  readonly labels: readonly string[]
  readonly bounds: readonly number[]
  /** One more than bounds: the last one has no upper end. */
  readonly counts: Float64Array
  sum = 0
  count = 0

  constructor(labels: readonly string[], bounds: readonly number[]) {
    this.labels = labels
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  record(value: number): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1
    counts[at] = (counts[at] ?? 0) + 1
    this.sum += value
    this.count += 1
  }
}

/** A histogram by its labels. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #children = new Map<string, HistogramChild>()

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
  }

  of(...labels: readonly string[]): HistogramChild {
    const key = labels.join('\n')
    let child = this.#children.get(key)
    if (child === undefined) {
      child = new HistogramChild(labels, this.#bounds)
      this.#children.set(key, child)
    }
    return child
  }

  get children(): Iterable<HistogramChild> {
    return this.#children.values()
  }
}
