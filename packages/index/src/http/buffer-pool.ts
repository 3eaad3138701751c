import { FILE_BUFFER_SIZE } from '../limits.ts'

/**
 * Reusable buffers for sending files. A fresh buffer per chunk costs more in garbage collection than the copy itself
 * (stack.md B1). Bounded: when all are out, `take` gives nothing and the caller makes do with a small one of its own,
 * so that slow clients cannot hold others up.
 */
export class BufferPool {
  readonly #capacity: number
  readonly #free: Buffer[] = []
  #out = 0

  /** `maxBytes` bounds the buffers in use and kept together. */
  constructor(maxBytes: number) {
    this.#capacity = Math.floor(maxBytes / FILE_BUFFER_SIZE)
  }

  /** Buffers that are lent now: zero when nothing is being sent. */
  get lent(): number {
    return this.#out
  }

  /** A buffer of `FILE_BUFFER_SIZE` bytes with arbitrary content, or `undefined` at the bound. */
  take(): Buffer | undefined {
    if (this.#out >= this.#capacity) return undefined
    this.#out += 1
    // Its own memory, not a slice of Node's shared pool.
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(FILE_BUFFER_SIZE)
  }

  /** Gives back a buffer that nothing reads or writes any more. */
  release(buffer: Buffer): void {
    this.#out -= 1
    this.#free.push(buffer)
  }

  /** Forgets a buffer that the system may still be reading, so that nobody else's bytes get into it. */
  forget(): void {
    this.#out -= 1
  }
}
