/** Lets work run side by side or alone: whoever wants to be alone waits for all that run, and newcomers wait until it has ended. */
export class Turns {
  readonly #running = new Set<Promise<unknown>>()
  /** Ends with the last that wants to be alone. */
  #alone: Promise<void> | undefined

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    this.#alone = ended
    try {
      await before
      await Promise.allSettled(this.#running)
      return await work()
    } finally {
      if (this.#alone === ended) this.#alone = undefined
      end()
    }
  }
}
