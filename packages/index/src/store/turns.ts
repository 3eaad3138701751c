import { withDeadline } from '../with-deadline.ts'

/**
 * Lets work run side by side or alone: whoever wants to be alone waits for all that run, and newcomers wait until it has ended. Nobody
 * waits for longer than so many milliseconds: work that hangs holds up nothing else for good.
 */
export class Turns {
  readonly #longestWait: number
  readonly #running = new Set<Promise<unknown>>()
  /** Ends with the last that wants to be alone. */
  #alone: Promise<void> | undefined

  constructor(longestWait: number) {
    this.#longestWait = longestWait
  }

  async together<T>(work: () => Promise<T>): Promise<T> {
    if (this.#alone !== undefined) await this.#patiently(this.#nobodyAlone())
    return await this.#run(work)
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const others = [...this.#running, ...(this.#alone === undefined ? [] : [this.#alone])]
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    this.#alone = ended
    try {
      await this.#patiently(Promise.allSettled(others))
      return await this.#run(work)
    } finally {
      if (this.#alone === ended) this.#alone = undefined
      end()
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #nobodyAlone(): Promise<void> {
    while (this.#alone !== undefined) await this.#alone
  }

  async #patiently(work: Promise<unknown>): Promise<void> {
    await withDeadline(work, this.#longestWait, () => undefined)
  }
}
