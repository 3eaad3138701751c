import { forTerminal } from '@waxseal/packaging/names'

/** Tells people on standard error how far long work has come. Nothing of it ever goes to standard output. */
export interface Progress {
  /** `done` of `total` (undefined: nobody knows yet), in whatever `what` counts: "files", "blobs checked". */
  update(done: number, total: number | undefined, what: string): void
  /** The work is over, well or not. May be called twice. */
  end(): void
}

/** Where the progress goes and what time it is; both have a default. */
export interface ProgressEffects {
  readonly stream?: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown }
  /** Milliseconds from any start. */
  readonly now?: () => number
}

/** On a terminal: what is over sooner shows no bar, and the bar is drawn no more often than this. */
const BAR_AFTER_MS = 300
const BAR_INTERVAL_MS = 100
const BAR_WIDTH = 24
/** Elsewhere: what is over sooner writes nothing, so that the mail of a nightly job stays empty; then a line each. */
const LINES_AFTER_MS = 5_000
const LINES_INTERVAL_MS = 10_000
const CLEAR_LINE = '\r\u001b[K'

/**
 * Shows work that may take long: a bar on a terminal, which disappears at its end; plain lines elsewhere, with `--json`
 * as well, for they go to standard error. Work that reports nothing shows nothing.
 */
export function startProgress(title: string, effects: ProgressEffects = {}): Progress {
  const { stream = process.stderr, now = () => performance.now() } = effects
  return stream.isTTY === true ? new Bar(title, stream, now) : new Lines(title, stream, now)
}

class Bar implements Progress {
  readonly #title: string
  readonly #stream: NonNullable<ProgressEffects['stream']>
  readonly #now: () => number
  #next: number
  #drawn = false

  constructor(title: string, stream: NonNullable<ProgressEffects['stream']>, now: () => number) {
    this.#title = title
    this.#stream = stream
    this.#now = now
    this.#next = now() + BAR_AFTER_MS
  }

  update(done: number, total: number | undefined, what: string): void {
    const at = this.#now()
    if (at < this.#next) return
    this.#next = at + BAR_INTERVAL_MS
    this.#drawn = true
    const filled = total === undefined || total === 0 ? 0 : Math.round(Math.min(1, done / total) * BAR_WIDTH)
    const bar = total === undefined ? '' : ` [${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`
    const line = forTerminal(`${this.#title}${bar} ${reached(done, total, what)}`)
    this.#stream.write(CLEAR_LINE + line.slice(0, (this.#stream.columns ?? 80) - 1))
  }

  end(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE)
    this.#drawn = false
    this.#next = Number.POSITIVE_INFINITY
  }
}

class Lines implements Progress {
  readonly #title: string
  readonly #stream: NonNullable<ProgressEffects['stream']>
  readonly #now: () => number
  #next: number

  constructor(title: string, stream: NonNullable<ProgressEffects['stream']>, now: () => number) {
    this.#title = title
    this.#stream = stream
    this.#now = now
    this.#next = now() + LINES_AFTER_MS
  }

  update(done: number, total: number | undefined, what: string): void {
    const at = this.#now()
    if (at < this.#next) return
    this.#next = at + LINES_INTERVAL_MS
    this.#stream.write(`${forTerminal(`${this.#title}: ${reached(done, total, what)}`)}\n`)
  }

  end(): void {
    this.#next = Number.POSITIVE_INFINITY
  }
}

function reached(done: number, total: number | undefined, what: string): string {
  if (total === undefined) return `${done} ${what}`
  const percent = total === 0 ? 100 : Math.floor(Math.min(1, done / total) * 100)
  return `${done} of ${total} ${what} (${percent} %)`
}
