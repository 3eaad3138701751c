import { write, writeSync } from 'node:fs'
import { LOG_BUFFER_MAX, LOG_CHUNK, LOG_EXIT_MS, LOG_FLUSH_MS } from '../limits.ts'

/**
 * Writes log lines to a file descriptor, many at a time and beside the event loop; the last ones when the process ends,
 * however it ends but by SIGKILL, which loses what is younger than `LOG_FLUSH_MS`. A full disk, a closed descriptor or a
 * reader that stands still loses lines, which are counted; the server lives on (pino's own destination would let its
 * buffer grow, or the process die).
 */
export class LogWriter implements AsyncDisposable {
  readonly #fd: number
  readonly #onLost: (lines: number) => void
  readonly #atExit = () => this.#flushNow()
  /** What waits to be written, in buffers: as text it would be moved about by every collection of young objects. */
  #full: Buffer[] = []
  #filling = Buffer.allocUnsafeSlow(LOG_CHUNK)
  #filled = 0
  #waiting = 0
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #lost = 0

  /** `onLost` is told, once lines can be written again, how many were lost. */
  constructor(fd: number, onLost: (lines: number) => void) {
    this.#fd = fd
    this.#onLost = onLost
    process.on('exit', this.#atExit)
  }

  write(line: string): void {
    const size = Buffer.byteLength(line)
    if (this.#waiting + size > LOG_BUFFER_MAX) {
      this.#lost += 1
      return
    }
    if (this.#filled + size > this.#filling.length) {
      this.#full.push(this.#filling.subarray(0, this.#filled))
      this.#filling = Buffer.allocUnsafeSlow(Math.max(LOG_CHUNK, size))
      this.#filled = 0
    }
    this.#filled += this.#filling.write(line, this.#filled)
    this.#waiting += size
    this.#timer ??= setTimeout(() => void this.flush(), LOG_FLUSH_MS).unref()
  }

  /** Resolves when everything written so far is with the system, or lost. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#writing !== undefined) await this.#writing
    if (this.#waiting === 0) return
    this.#writing = this.#writeAll(this.#take())
    await this.#writing
    this.#writing = undefined
  }

  /** Everything that waits, in one piece. */
  #take(): Buffer {
    const bytes = Buffer.concat([...this.#full, this.#filling.subarray(0, this.#filled)])
    this.#full = []
    this.#filled = 0
    this.#waiting = 0
    return bytes
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      const outcome = await this.#writeSome(bytes.subarray(written))
      if (typeof outcome === 'number') written += outcome
      else if (outcome.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, LOG_FLUSH_MS).unref())
      else {
        this.#lost += linesIn(bytes.subarray(written))
        return
      }
    }
    if (this.#lost === 0) return
    const lost = this.#lost
    this.#lost = 0
    this.#onLost(lost)
  }

  #writeSome(bytes: Buffer): Promise<number | NodeJS.ErrnoException> {
    return new Promise((resolve) => write(this.#fd, bytes, (error, written) => resolve(error ?? written)))
  }

  #flushNow(): void {
    let bytes = this.#take()
    const until = performance.now() + LOG_EXIT_MS
    while (bytes.length > 0 && performance.now() < until) {
      try {
        bytes = bytes.subarray(writeSync(this.#fd, bytes))
      } catch (error) {
        // A pipe that is full for the moment; whatever else is wrong, there is nobody left to tell.
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    process.off('exit', this.#atExit)
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0
  for (const byte of bytes) if (byte === 0x0a) lines += 1
  return lines
}
