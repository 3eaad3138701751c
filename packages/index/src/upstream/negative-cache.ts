import type { Clock } from '../clock.ts'

/** Names that an upstream does not have, remembered for a while; beyond `limit` the one unused longest goes. */
export class NegativeCache {
  readonly #until = new Map<string, number>()
  readonly #clock: Clock
  readonly #lifetimeMs: number
  readonly #limit: number

  constructor(clock: Clock, options: { readonly lifetimeMs: number; readonly limit: number }) {
    this.#clock = clock
    this.#lifetimeMs = options.lifetimeMs
    this.#limit = options.limit
  }

  add(name: string): void {
    this.#until.delete(name)
    this.#until.set(name, this.#clock.now() + this.#lifetimeMs)
    const [oldest] = this.#until.keys()
    if (this.#until.size > this.#limit && oldest !== undefined) this.#until.delete(oldest)
  }

  has(name: string): boolean {
    const until = this.#until.get(name)
    if (until === undefined) return false
    this.#until.delete(name)
    const left = until - this.#clock.now()
    // More than the whole lifetime: the clock was set back, and nobody knows how old the entry is.
    if (left <= 0 || left > this.#lifetimeMs) return false
    this.#until.set(name, until)
    return true
  }

  delete(name: string): void {
    this.#until.delete(name)
  }

  get size(): number {
    return this.#until.size
  }
}
