import type { Clock } from '../clock.ts'

/** When a circuit opens and for how long; times in milliseconds. */
export interface CircuitSettings {
  readonly failures: number
  readonly minOpenMs: number
  readonly maxOpenMs: number
}

/**
 * Leave to ask an origin once. Exactly one of `succeeded`, `failed` and `released` ends it; later calls do nothing.
 * `answered` says on the way that the origin is alive: it closes a half-open circuit before a long body has come.
 */
export interface CircuitPass {
  answered(): void
  succeeded(): void
  /** `retryAfterMs` is the origin's own wish: it opens the circuit at once, capped. */
  failed(retryAfterMs?: number): void
  /** The caller gave up: nothing was learned about the origin. */
  released(): void
}

export type CircuitAnswer =
  | { readonly open: false; readonly pass: CircuitPass }
  | { readonly open: true; readonly retryAfterMs: number }

/** Told when an origin is given up, and when it is well again. */
export interface CircuitWatch {
  down(): void
  up(downMs: number): void
}

const NOBODY: CircuitWatch = { down: () => {}, up: () => {} }

/**
 * Whether an origin is worth asking. It opens after so many failures in a row, lets one probe through when its time is
 * over, and stays open twice as long after each failed probe. A pure state machine: it knows time only by its clock.
 */
export class Circuit {
  readonly #clock: Clock
  readonly #settings: CircuitSettings
  readonly #watch: CircuitWatch
  #failures = 0
  #openings = 0
  #openUntil = 0
  #probing = false
  #downSince: number | undefined

  constructor(clock: Clock, settings: CircuitSettings, watch: CircuitWatch = NOBODY) {
    this.#clock = clock
    this.#settings = settings
    this.#watch = watch
  }

  /** Asks for leave; an open circuit answers how long it will stay so. */
  enter(): CircuitAnswer {
    const left = this.#timeLeft()
    if (left > 0) return { open: true, retryAfterMs: left }
    const halfOpen = this.#openUntil > 0
    if (halfOpen && this.#probing) return { open: true, retryAfterMs: this.#settings.minOpenMs }
    this.#probing = halfOpen
    return { open: false, pass: this.#newPass(halfOpen) }
  }

  #newPass(probe: boolean): CircuitPass {
    let ended = false
    const end = (effect: () => void) => () => {
      if (ended) return
      ended = true
      if (probe) this.#probing = false
      effect()
    }
    return {
      answered: () => {
        if (ended || !probe) return
        this.#probing = false
        this.#openUntil = 0
        // One more failure, of this very body for one, opens it again.
        this.#failures = this.#settings.failures - 1
      },
      succeeded: end(() => this.#close()),
      failed: (retryAfterMs) => end(() => this.#fail(probe, retryAfterMs))(),
      released: end(() => {}),
    }
  }

  #close(): void {
    // A success that was under way when Retry-After came does not cancel the origin's wish.
    if (this.#timeLeft() > 0) return
    this.#failures = 0
    this.#openings = 0
    this.#openUntil = 0
    if (this.#downSince === undefined) return
    const downMs = Math.max(0, this.#clock.now() - this.#downSince)
    this.#downSince = undefined
    this.#watch.up(downMs)
  }

  #fail(probe: boolean, retryAfterMs: number | undefined): void {
    const { failures, minOpenMs, maxOpenMs } = this.#settings
    this.#failures += 1
    let left = this.#timeLeft()
    // Failures of requests that began before it opened say nothing new.
    const opens = left <= 0 && (probe || this.#failures >= failures)
    if (opens) {
      left = Math.min(minOpenMs * 2 ** Math.min(this.#openings, 30), maxOpenMs)
      this.#openings += 1
    }
    if (retryAfterMs !== undefined) left = Math.max(left, Math.min(retryAfterMs, maxOpenMs))
    if (left <= 0) return
    this.#openUntil = this.#clock.now() + left
    if (this.#downSince !== undefined) return
    this.#downSince = this.#clock.now()
    this.#watch.down()
  }

  /** Milliseconds that it stays open yet. More than it ever stays open means that the clock was set back: its time is over. */
  #timeLeft(): number {
    const left = this.#openUntil - this.#clock.now()
    return left > this.#settings.maxOpenMs ? 0 : left
  }
}

/** The circuits of an upstream's origins; beyond `limit` the one unused longest is forgotten. */
export class CircuitTable {
  readonly #circuits = new Map<string, Circuit>()
  readonly #clock: Clock
  readonly #settings: CircuitSettings
  readonly #limit: number
  readonly #watch: (origin: string) => CircuitWatch

  constructor(
    clock: Clock,
    settings: CircuitSettings,
    limit: number,
    watch: (origin: string) => CircuitWatch = () => NOBODY,
  ) {
    this.#clock = clock
    this.#settings = settings
    this.#limit = limit
    this.#watch = watch
  }

  of(origin: string): Circuit {
    const circuit = this.#circuits.get(origin) ?? new Circuit(this.#clock, this.#settings, this.#watch(origin))
    this.#circuits.delete(origin)
    this.#circuits.set(origin, circuit)
    const [oldest] = this.#circuits.keys()
    if (this.#circuits.size > this.#limit && oldest !== undefined) this.#circuits.delete(oldest)
    return circuit
  }
}
