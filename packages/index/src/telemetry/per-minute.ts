const MINUTE_MS = 60_000

/** So many of each kind a minute: a flood of one does not hide another. */
export class PerMinute<Kind> {
  readonly #most: number
  readonly #windows = new Map<Kind, { readonly ends: number; left: number }>()

  constructor(most: number) {
    this.#most = most
  }

  /** Whether there may be one more of `kind` at `now`, in milliseconds; if so, it counts. */
  take(kind: Kind, now: number): boolean {
    const known = this.#windows.get(kind)
    // One that ends later than a new one would is from a clock that was set back.
    const isOver = known === undefined || now >= known.ends || known.ends - now > MINUTE_MS
    const window = isOver ? { ends: now + MINUTE_MS, left: this.#most } : known
    this.#windows.set(kind, window)
    window.left -= 1
    return window.left >= 0
  }
}
