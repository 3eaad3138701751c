import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { FILL_READ_BYTES } from '../limits.ts'

/**
 * A file that is read while it is written. Each reader goes at its own pace, with one chunk in memory; none gets a
 * byte before `release` named it. The file may be renamed or deleted meanwhile: it is held open until the last reader
 * is through.
 */
export class GrowingFile {
  readonly #handle: FileHandle
  readonly #waiting = new Set<() => void>()
  #released = 0
  #outcome: { readonly error?: Error } | undefined
  #readers = 0
  #closed = false

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  static async open(path: string): Promise<GrowingFile> {
    return new GrowingFile(await open(path, 'r'))
  }

  /** Lets readers have everything before `end`; never goes back. */
  release(end: number): void {
    if (end <= this.#released) return
    this.#released = end
    this.#wake()
  }

  /** Nothing more will come; with `error`, readers throw it instead of what was not released. */
  async end(error?: Error): Promise<void> {
    this.#outcome = error === undefined ? {} : { error }
    this.#wake()
    await this.#closeIfUnused()
  }

  /** Its bytes from the start, or undefined once it is closed. Must be iterated or returned: it holds the file open. */
  read(signal?: AbortSignal, buffer?: Uint8Array): AsyncGenerator<Uint8Array> | undefined {
    if (this.#closed) return undefined
    this.#readers += 1
    return this.#chunks(signal, buffer)
  }

  async *#chunks(signal: AbortSignal | undefined, buffer: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    const wakeAll = () => this.#wake()
    signal?.addEventListener('abort', wakeAll)
    let position = 0
    try {
      for (;;) {
        signal?.throwIfAborted()
        if (position < this.#released) {
          const left = this.#released - position
          // Fresh unless the reader brought its own: who reads ahead must not see a chunk change under its hands.
          const chunk = buffer ?? Buffer.allocUnsafeSlow(Math.min(FILL_READ_BYTES, left))
          const { bytesRead } = await this.#handle.read(chunk, 0, Math.min(chunk.length, left), position)
          if (bytesRead === 0) throw new Error('The spooled file is shorter than what was written to it.')
          position += bytesRead
          yield chunk.subarray(0, bytesRead)
        } else if (this.#outcome === undefined) {
          await new Promise<void>((resolve) => this.#waiting.add(resolve))
        } else if (this.#outcome.error === undefined) {
          return
        } else {
          throw this.#outcome.error
        }
      }
    } finally {
      signal?.removeEventListener('abort', wakeAll)
      this.#readers -= 1
      await this.#closeIfUnused()
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }

  async #closeIfUnused(): Promise<void> {
    if (this.#outcome === undefined || this.#readers > 0 || this.#closed) return
    this.#closed = true
    await this.#handle.close()
  }
}
