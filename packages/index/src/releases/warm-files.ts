import type { Blob } from '../blobs/blob-store.ts'
import { SMALL_FILE_MAX, WARM_FILES_MAX } from '../limits.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import type { FileAddress } from './file-lookup.ts'

/** What an address led to: a stored blob and the sha256 of its bytes. */
export interface WarmFile {
  readonly kind: 'stored'
  readonly blob: Blob
  readonly sha256: string
}

/**
 * Small stored files that were given out since anything last changed, so that asking again costs neither a query nor a
 * look at the disk. Everything is forgotten with the first publish after it, here or in another process: what withholds
 * a file (deletion, quarantine, a claim of its name) is out before it is acknowledged. Bounded; the oldest go first.
 */
export class WarmFiles {
  readonly #current: CurrentProjects
  readonly #files = new Map<string, WarmFile>()
  #generation = -1

  constructor(current: CurrentProjects) {
    this.#current = current
  }

  /** At once, or not at all: undefined means to go the long way. */
  get(part: 'file' | 'sidecar', address: FileAddress): WarmFile | undefined {
    const asking = this.#current.synchronize()
    if (asking !== undefined) {
      // Whoever goes the long way asks again, and is told when it fails.
      asking.catch(() => undefined)
      return undefined
    }
    return this.#generation === this.#current.generation ? this.#files.get(keyOf(part, address)) : undefined
  }

  /** Keeps what was found, unless something changed since `generation`, which is from before the search. */
  keep(generation: number, part: 'file' | 'sidecar', address: FileAddress, file: WarmFile): void {
    if (generation !== this.#current.generation || file.blob.size > SMALL_FILE_MAX) return
    if (this.#generation !== generation) this.#files.clear()
    this.#generation = generation
    this.#files.set(keyOf(part, address), file)
    if (this.#files.size <= WARM_FILES_MAX) return
    const oldest = this.#files.keys().next()
    if (!oldest.done) this.#files.delete(oldest.value)
  }
}

/** None of the parts can hold a slash: they are segments of a path. */
function keyOf(part: string, { project, sha256, filename }: FileAddress): string {
  return `${part}/${project}/${sha256}/${filename}`
}
