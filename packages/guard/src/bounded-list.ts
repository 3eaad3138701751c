/**
 * Things by a key, of each kind the first so many and how many more there were: so that a thousand of one kind, which an attacker can
 * make, hide none of another.
 */
export class BoundedList<T> {
  readonly #most: number
  readonly #kept = new Map<string, T>()
  readonly #counts = new Map<string, number>()
  #omitted = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Whether it was kept; one that is there already takes the other's place. */
  add(kind: string, key: string, value: T): boolean {
    const isNew = !this.#kept.has(key)
    const count = this.#counts.get(kind) ?? 0
    if (isNew && count >= this.#most) {
      this.#omitted += 1
      return false
    }
    if (isNew) this.#counts.set(kind, count + 1)
    this.#kept.set(key, value)
    return true
  }

  get values(): readonly T[] {
    return [...this.#kept.values()]
  }

  /** How many were not kept; the same thing may count more than once. */
  get omitted(): number {
    return this.#omitted
  }
}
