import type { ServerResponse } from 'node:http'
import { SEND_STALL_MS } from '../limits.ts'

/**
 * Writes to one response with back-pressure, and notices at once when the client has gone or takes nothing for
 * `stallMs` (then it is cut off). After that every write fails quietly: `write` says whether to go on.
 */
export class ResponseWriter {
  readonly #res: ServerResponse
  readonly #stallMs: number
  #closed: boolean
  #writing = false
  #stall: NodeJS.Timeout | undefined
  #whenGone: (() => void) | undefined

  constructor(res: ServerResponse, stallMs: number = SEND_STALL_MS) {
    this.#res = res
    this.#stallMs = stallMs
    this.#closed = res.destroyed || res.closed
    res.once('close', () => {
      this.#closed = true
      clearTimeout(this.#stall)
      this.#whenGone?.()
    })
  }

  /** Whether nothing more can reach the client. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Waits for `work`, but no longer than there is a client: then `false`. One at a time, and never during a `write`.
   * (Not a race with one long-lived promise: that one would collect a reaction for every chunk.)
   */
  async whileOpen<T>(work: Promise<T>): Promise<T | false> {
    return new Promise((resolve, reject) => {
      this.#whenGone = () => resolve(false)
      if (this.#closed) this.#whenGone()
      work.then(resolve, reject)
    })
  }

  /**
   * Hands `chunk` to the system. Resolves with `true` once the memory may be used again and more is wanted; with
   * `false` when the client has gone, and then the system may still be reading the memory.
   */
  async write(chunk: Uint8Array): Promise<boolean> {
    if (this.#closed) return false
    // One timer for the whole answer: what counts is the client's slowness, not the source's.
    this.#stall ??= setTimeout(() => this.#stalled(), this.#stallMs)
    this.#stall.refresh()
    this.#writing = true
    const written = new Promise<boolean>((resolve) => {
      this.#res.write(chunk, (error) => resolve(error === null || error === undefined))
    })
    const more = await this.whileOpen(written)
    this.#writing = false
    if (!more) this.#closed = true
    return more
  }

  #stalled(): void {
    if (this.#writing) this.#res.destroy()
  }

  /** Ends the answer properly. */
  end(): void {
    clearTimeout(this.#stall)
    if (!this.#closed) this.#res.end()
  }

  /** Cuts the answer off, so that the client sees a failed transfer and never a short file. */
  cut(): void {
    clearTimeout(this.#stall)
    this.#res.destroy()
  }
}
