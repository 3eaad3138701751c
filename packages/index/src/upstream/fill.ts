import { rm } from 'node:fs/promises'
import type { BackgroundWork } from '../background-work.ts'
import type { BlobStore, SpooledFile } from '../blobs/blob-store.ts'
import { IndexError } from '../error.ts'
import { FILL_CONCURRENCY, FILL_HOLD_BACK_BYTES, FILL_QUEUE } from '../limits.ts'
import { GrowingFile } from './growing-file.ts'
import type { ExpectedFile, ReceivingSpool } from './receive-file.ts'
import { receiveFile } from './receive-file.ts'
import { Slots } from './slots.ts'

/** A file that is to be fetched under the sha256 it was listed with. */
export type FillRequest = ExpectedFile & { readonly sha256: string }

/** What was stored. */
export interface FillResult {
  readonly sha256: string
  readonly size: number
}

/**
 * A cold download that any number of readers share while it runs (design.md section 12). Its end is given to nobody
 * before the whole is verified and stored, so a truncated or changed file never completes anywhere.
 */
export interface Fill {
  readonly sha256: string
  /** Total length, once it is known from the page, the upstream's headers or the end. */
  readonly size: number | undefined
  /**
   * Settles when there is something to send: resolved at the first byte that readers may have, rejected as `done` if
   * the fill fails before. A file not longer than what is held back is verified and stored by then.
   */
  readonly ready: Promise<{ readonly size?: number }>
  /**
   * The bytes from the start, at the reader's pace, with one chunk in memory. Throws what `done` rejects with. Whether
   * anybody reads, goes away or is slow makes no difference to the fill and to other readers. A reader that is done with
   * a chunk before it asks for the next may bring a `buffer` that chunks are read into, and so cause no garbage.
   */
  read(signal?: AbortSignal, buffer?: Uint8Array): AsyncIterable<Uint8Array>
  /**
   * Settles when the file is stored or the fill has failed: IndexError `not-found`, `upstream-failed` (its `cause` may
   * be an UpstreamFailure), `digest-mismatch`, `limit-exceeded` or `storage-failed`. May be ignored.
   */
  readonly done: Promise<FillResult>
}

/** What fills work with. */
export interface FillParts {
  readonly spool: ReceivingSpool
  readonly blobs: BlobStore
  /** What fills are handed to: they go on when their readers have left. */
  readonly background: BackgroundWork
}

class RunningFill implements Fill {
  readonly sha256: string
  readonly ready: Promise<{ readonly size?: number }>
  readonly done: Promise<FillResult>
  readonly #parts: FillParts
  readonly #request: FillRequest
  readonly #ready = Promise.withResolvers<{ readonly size?: number }>()
  #file: GrowingFile | undefined
  #size: number | undefined

  constructor(request: FillRequest, parts: FillParts, slots: Slots) {
    this.sha256 = request.sha256
    this.#parts = parts
    this.#request = request
    this.#size = request.size
    this.ready = this.#ready.promise
    this.done = slots.run(() => this.#run()).catch((error: unknown) => this.#fail(error))
    // Either may be ignored by who only wants the other; that must not end the process.
    this.ready.catch(() => {})
    this.done.catch(() => {})
  }

  get size(): number | undefined {
    return this.#size
  }

  async *read(signal?: AbortSignal, buffer?: Uint8Array): AsyncGenerator<Uint8Array> {
    await this.ready
    const chunks = this.#file?.read(signal, buffer)
    if (chunks !== undefined) {
      yield* chunks
      return
    }
    // Over before this reader came: stored or, if it failed, said by `done`.
    const { sha256 } = await this.done
    const blob = await this.#parts.blobs.get(sha256)
    if (blob === undefined) throw new IndexError('blob-missing', `The file ${sha256} was deleted meanwhile.`)
    yield* blob.stream()
  }

  async #run(): Promise<FillResult> {
    const { spool, blobs } = this.#parts
    // Between the caller's look and now another fill of the same file may have ended.
    const stored = await blobs.touch(this.sha256)
    const { size } = this.#request
    if (stored !== undefined && (size === undefined || size === stored.size)) return this.#finish(stored.size)
    const spooled = await receiveFile(this.#request, spool, {
      opened: async (path, size) => {
        this.#size = size
        this.#file = await GrowingFile.open(path)
      },
      received: (bytes) => this.#release(bytes),
    })
    await store(spooled, blobs)
    this.#file?.release(spooled.size)
    return this.#finish(spooled.size)
  }

  #release(received: number): void {
    const end = (this.#size ?? received) - FILL_HOLD_BACK_BYTES
    if (end <= 0) return
    this.#file?.release(Math.min(received, end))
    this.#announce()
  }

  async #finish(size: number): Promise<FillResult> {
    this.#size = size
    this.#announce()
    await this.#file?.end()
    return { sha256: this.sha256, size }
  }

  async #fail(error: unknown): Promise<never> {
    const known = error instanceof IndexError
    const failure = known ? error : new IndexError('storage-failed', 'The file could not be stored.', { cause: error })
    this.#ready.reject(failure)
    await this.#file?.end(failure)
    throw failure
  }

  #announce(): void {
    this.#ready.resolve(this.#size === undefined ? {} : { size: this.#size })
  }
}

async function store(spooled: SpooledFile, blobs: BlobStore): Promise<void> {
  try {
    await blobs.put(spooled.sha256, spooled)
  } catch (error) {
    await rm(spooled.path, { force: true })
    throw error
  }
}

/** Starts fetching one file outside of any table. */
export function startFill(request: FillRequest, parts: FillParts): Fill {
  return new RunningFill(request, parts, new Slots(1, 0))
}

/** All fills that run: one per sha256, whoever asks, and a bounded number at once in each lane. */
export class FillTable {
  readonly #parts: FillParts
  readonly #limits: { readonly concurrency: number; readonly queue: number }
  readonly #lanes = new Map<string, Slots>()
  readonly #fills = new Map<string, Fill>()
  #hashing = 0

  constructor(parts: FillParts, options: { readonly concurrency?: number; readonly queue?: number } = {}) {
    this.#parts = parts
    this.#limits = { concurrency: options.concurrency ?? FILL_CONCURRENCY, queue: options.queue ?? FILL_QUEUE }
  }

  /** Fills running or waiting for a place. */
  get size(): number {
    return this.#fills.size + this.#hashing
  }

  /** The running fill of this file, or a new one. */
  start(request: FillRequest): Fill {
    const running = this.#fills.get(request.sha256)
    if (running !== undefined) return running
    const fill = new RunningFill(request, this.#parts, this.#slotsOf(request))
    void this.#parts.background.add(fill.done)
    this.#fills.set(request.sha256, fill)
    const forget = () => this.#fills.delete(request.sha256)
    fill.done.then(forget, forget)
    return fill
  }

  /**
   * Fetches and stores a file of unknown sha256, whole, before anybody gets a byte of it. Never shared: without a digest
   * nothing says that two such files are the same (attacks.md CACHE-KEY). Rejects as `Fill.done`.
   */
  hashFirst(request: ExpectedFile): Promise<FillResult> {
    this.#hashing += 1
    const running = this.#slotsOf(request).run(async () => {
      const spooled = await receiveFile(request, this.#parts.spool)
      await store(spooled, this.#parts.blobs)
      return { sha256: spooled.sha256, size: spooled.size }
    })
    return this.#parts.background.add(running.finally(() => (this.#hashing -= 1)))
  }

  #slotsOf({ lane = '' }: ExpectedFile): Slots {
    const slots = this.#lanes.get(lane) ?? new Slots(this.#limits.concurrency, this.#limits.queue)
    this.#lanes.set(lane, slots)
    return slots
  }
}
