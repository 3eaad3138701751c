import type { BlobStore, ListedBlob } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { BLOB_SETTLE_MS, GARBAGE_BATCH } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { referencedBlobs } from './referenced-blobs.ts'
import { SortedRows } from './sorted-rows.ts'

/** Blobs, and their bytes together. */
export interface Amount {
  readonly blobs: number
  readonly bytes: number
}

/** What one look at all blobs and all rows found. */
export interface Marking {
  /** Something refers to them. */
  readonly used: Amount
  /** Nothing refers to them since just now, or since not long enough. */
  readonly marked: Amount
  readonly waiting: Amount
  /** Too new to say: whoever stored them may be about to write their row. */
  readonly young: Amount
  /** Marked, and referred to again. */
  readonly unmarked: number
  /** When the first of those marked or waiting may be swept, ISO 8601. */
  readonly nextSweepAt: string | undefined
  /** Marked for long enough, and still nothing refers to them: `limit` of them at most. */
  readonly condemned: readonly Condemned[]
}

export interface Condemned {
  readonly sha256: string
  readonly touched: string
  readonly size: number
}

interface Mark {
  readonly sha256: string
  readonly touched: string
  readonly marked_at: string
}

export interface MarkOptions {
  readonly graceMs: number
  readonly dryRun: boolean
  /** Most blobs that are condemned in one go. */
  readonly limit: number
  readonly held?: AbortSignal | undefined
  readonly progress?: ((blobs: number) => void) | undefined
}

/**
 * Goes through all blobs, all references of one committed state and all marks at once, in the order of their sha256, so
 * that memory stays flat. A blob is marked when nothing refers to it and it was not touched for `BLOB_SETTLE_MS`; a
 * touch makes a mark void, so that what is swept was left alone since it was marked, whatever the clock did meanwhile.
 */
export async function markGarbage(
  { store, blobs, clock }: { readonly store: Store; readonly blobs: BlobStore; readonly clock: Clock },
  options: MarkOptions,
): Promise<Marking> {
  const round = new Round(store, clock, options)
  await store.consistently(async (snapshot) => {
    const references = new SortedRows(referencedBlobs(store.kind, snapshot))
    const marks = new SortedRows(marksOf(store))
    let count = 0
    for await (const blob of blobs.list()) {
      const used = (await references.upTo(blob.sha256)) !== undefined
      await round.see(blob, used, await marks.upTo(blob.sha256, (gone) => round.unmark(gone.sha256)))
      count += 1
      if (count % GARBAGE_BATCH === 0) options.progress?.(count)
    }
    for await (const gone of marks.rest()) await round.unmark(gone.sha256)
    options.progress?.(count)
  })
  return await round.end()
}

class Round {
  readonly #store: Store
  readonly #options: MarkOptions
  readonly #now: number
  readonly #at: string
  readonly #amounts = { used: amount(), marked: amount(), waiting: amount(), young: amount() }
  readonly #condemned: Condemned[] = []
  #unmarked = 0
  #nextSweep = Number.POSITIVE_INFINITY
  #marks: Mark[] = []
  #gone: string[] = []

  constructor(store: Store, clock: Clock, options: MarkOptions) {
    this.#store = store
    this.#options = options
    this.#now = clock.now()
    this.#at = isoTime({ now: () => this.#now })
  }

  async see(blob: ListedBlob, used: boolean, mark: Mark | undefined): Promise<void> {
    const { sha256, touched } = blob
    if (used) {
      add(this.#amounts.used, blob)
      if (mark !== undefined) {
        this.#unmarked += 1
        await this.unmark(sha256)
      }
      return
    }
    const { graceMs, limit } = this.#options
    const since = mark?.touched === touched ? Date.parse(mark.marked_at) : undefined
    // A mark from the future is from a clock that was wrong: it begins again now.
    if (since === undefined || since > this.#now) {
      // A time from the future says nothing of how long ago that was; the mark counts from now on in any case.
      if (blob.touchedAt <= this.#now && blob.touchedAt > this.#now - BLOB_SETTLE_MS) {
        add(this.#amounts.young, blob)
        return
      }
      add(this.#amounts.marked, blob)
      this.#nextSweep = Math.min(this.#nextSweep, this.#now + graceMs)
      this.#marks.push({ sha256, touched, marked_at: this.#at })
      if (this.#marks.length >= GARBAGE_BATCH) await this.#write()
      return
    }
    if (since > this.#now - graceMs) {
      add(this.#amounts.waiting, blob)
      this.#nextSweep = Math.min(this.#nextSweep, since + graceMs)
      return
    }
    if (this.#condemned.length < limit) this.#condemned.push({ sha256, touched, size: blob.size })
  }

  async unmark(sha256: string): Promise<void> {
    this.#gone.push(sha256)
    if (this.#gone.length >= GARBAGE_BATCH) await this.#write()
  }

  async end(): Promise<Marking> {
    await this.#write()
    return {
      ...this.#amounts,
      unmarked: this.#unmarked,
      nextSweepAt: Number.isFinite(this.#nextSweep) ? new Date(this.#nextSweep).toISOString() : undefined,
      condemned: this.#condemned,
    }
  }

  async #write(): Promise<void> {
    const marks = this.#marks
    const gone = this.#gone
    this.#marks = []
    this.#gone = []
    if (this.#options.dryRun || marks.length + gone.length === 0) return
    this.#options.held?.throwIfAborted()
    await this.#store.transaction(async (tx) => {
      if (gone.length > 0) await tx.deleteFrom('garbage').where('sha256', 'in', gone).execute()
      if (marks.length === 0) return
      await tx
        .insertInto('garbage')
        .values(marks)
        .onConflict((conflict) =>
          conflict.column('sha256').doUpdateSet((eb) => ({
            touched: eb.ref('excluded.touched'),
            marked_at: eb.ref('excluded.marked_at'),
          })),
        )
        .execute()
    })
  }
}

async function* marksOf(store: Store): AsyncIterable<Mark> {
  for (let after = ''; ;) {
    const some = await store.db
      .selectFrom('garbage')
      .selectAll()
      .where('sha256', '>', after)
      .orderBy('sha256')
      .limit(GARBAGE_BATCH)
      .execute()
    yield* some
    const last = some.at(-1)
    if (last === undefined) return
    after = last.sha256
  }
}

/** What some blobs come to. */
export function amountOf(blobs: readonly { readonly size: number }[]): Amount {
  const total = amount()
  for (const blob of blobs) add(total, blob)
  return total
}

function amount(): { blobs: number; bytes: number } {
  return { blobs: 0, bytes: 0 }
}

function add(to: { blobs: number; bytes: number }, { size }: { readonly size: number }): void {
  to.blobs += 1
  to.bytes += size
}
