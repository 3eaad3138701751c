import { AsyncLocalStorage } from 'node:async_hooks'

/** Refuses a transaction begun within another one of the same store: on SQLite it would wait for itself for ever. */
export class NestingGuard {
  readonly #inside = new AsyncLocalStorage<boolean>()

  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside.getStore() === true) throw new Error('a transaction may not begin another; pass `tx` on')
    return this.#inside.run(true, work)
  }
}
