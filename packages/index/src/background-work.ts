import { setTimeout as delay } from 'node:timers/promises'

export interface BackgroundOptions {
  /** How long what is under way is waited for at the end, in milliseconds. */
  readonly graceMs: number
  /** Told how much of it was still under way after that. */
  readonly onLate: (count: number) => void
}

/**
 * What goes on although nobody waits for it, or its client may leave: the end waits for it, since the database closes
 * next. Disposing of it comes after whatever makes such work wait for others, the upstreams above all, has been ended.
 */
export class BackgroundWork implements AsyncDisposable {
  readonly #options: BackgroundOptions
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: BackgroundOptions) {
    this.#options = options
  }

  /** Gives back the same promise, whose failure is for its owner to tell. */
  add<Work extends Promise<unknown>>(work: Work): Work {
    this.#running.add(work)
    const forget = () => this.#running.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Waits also for what the work it waits for begins. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { graceMs, onLate } = this.#options
    const ended = new AbortController()
    const late = delay(graceMs, 'late', { signal: ended.signal }).catch(() => undefined)
    try {
      while (this.#running.size > 0) {
        if ((await Promise.race([Promise.allSettled(this.#running), late])) !== 'late') continue
        return onLate(this.#running.size)
      }
    } finally {
      ended.abort()
    }
  }
}
