import { IndexError } from '../error.ts'

/** A bounded number of places, given out in the order they were asked for; the queue for them is bounded too. */
export class Slots {
  readonly #queueLimit: number
  readonly #queue: (() => void)[] = []
  #free: number

  constructor(places: number, queueLimit: number) {
    this.#free = places
    this.#queueLimit = queueLimit
  }

  /** Runs `task` once a place is free. Throws IndexError `limit-exceeded` when the queue is full. */
  async run<Value>(task: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free -= 1
    else if (this.#queue.length >= this.#queueLimit) {
      throw new IndexError('limit-exceeded', 'Too many downloads from upstreams wait already; try again later.')
    } else await new Promise<void>((resolve) => this.#queue.push(resolve))
    try {
      return await task()
    } finally {
      // A place is handed on rather than freed, so that nobody who comes later gets it first.
      const next = this.#queue.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
