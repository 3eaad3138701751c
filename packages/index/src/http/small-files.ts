import { SMALL_FILE_OVERHEAD } from '../limits.ts'

/**
 * The small files that were sent last, by path, within a bound in bytes: opening, reading and closing a file costs more
 * than sending it (three trips to the thread pool). Sound because a path names its content by sha256 and so never
 * changes it (attacks.md CACHE-KEY); whether the file may be sent at all is decided before.
 */
export class SmallFiles {
  readonly #maxBytes: number
  readonly #files = new Map<string, Buffer>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes accounted for, never more than the bound. */
  get bytes(): number {
    return this.#bytes
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  get(path: string): Buffer | undefined {
    const file = this.#files.get(path)
    if (file === undefined) return undefined
    // A Map keeps the order of insertion: putting it in again makes it the youngest.
    this.#files.delete(path)
    this.#files.set(path, file)
    return file
  }

  /** Keeps a whole file, which nobody changes afterwards. */
  keep(path: string, file: Buffer): void {
    if (this.#files.has(path)) return
    this.#files.set(path, file)
    this.#bytes += file.length + SMALL_FILE_OVERHEAD
    for (const [oldest, { length }] of this.#files) {
      if (this.#bytes <= this.#maxBytes) break
      this.#files.delete(oldest)
      this.#bytes -= length + SMALL_FILE_OVERHEAD
    }
  }
}
