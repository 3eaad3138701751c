/** The slowest an upstream may be: so many bytes a second on average over each window of waiting for it. */
export interface FloorSettings {
  readonly minBytesPerSecond: number
  readonly windowMs: number
}

/**
 * Measures an upstream against the floor (attacks.md SR-1: one byte now and then passes every silence timeout). Only
 * time spent waiting for the upstream counts, so that a slow reader is not mistaken for a slow upstream; each window
 * is judged by itself, so that a fast start does not pay for a drip.
 */
export class ThroughputFloor {
  readonly #needed: number
  readonly #windowMs: number
  #waited = 0
  #bytes = 0

  constructor(settings: FloorSettings) {
    this.#windowMs = settings.windowMs
    this.#needed = Math.max(1, Math.ceil((settings.minBytesPerSecond * settings.windowMs) / 1000))
  }

  /** Milliseconds of waiting left until the window ends. */
  get leftMs(): number {
    return Math.max(0, this.#windowMs - this.#waited)
  }

  /** Notes `bytes` that came after `waitedMs` of waiting. Answers whether the upstream is still fast enough. */
  record(bytes: number, waitedMs: number): boolean {
    this.#bytes += bytes
    this.#waited += waitedMs
    if (this.#waited < this.#windowMs) return true
    const fastEnough = this.#bytes >= this.#needed
    this.#bytes = 0
    this.#waited = 0
    return fastEnough
  }
}
