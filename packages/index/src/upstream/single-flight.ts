/** Runs one task per key at a time: who asks while it runs gets the same outcome, error included. */
export class SingleFlight<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>()

  run(key: Key, task: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const started = Promise.try(task).finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  get size(): number {
    return this.#running.size
  }
}
