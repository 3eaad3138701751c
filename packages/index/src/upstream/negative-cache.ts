import type { Clock } from '../clock.ts'

/** Names that an upstream does not have, remembered for a while; beyond `limit` those unused longest go. */
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
    const now = this.#clock.now()
    this.#until.set(name, now + this.#lifetimeMs)
    // A Map keeps the order of insertion: those unused longest come first.
    for (const [oldest, until] of this.#until) {
      if (this.#until.size <= this.#limit && until > now) break
      this.#until.delete(oldest)
    }
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
