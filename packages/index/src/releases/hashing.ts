import type { BackgroundWork } from '../background-work.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { isOwnFailure } from '../error.ts'
import { HASHING_CONCURRENCY } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { FileRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { FillTable } from '../upstream/fill.ts'
import type { Upstream } from '../upstream/upstream.ts'

export interface HashingParts {
  readonly store: Store
  readonly clock: Clock
  readonly publisher: Publisher
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** One table per upstream, so that one that hangs takes no places from the others. */
  readonly fills: ReadonlyMap<string, FillTable>
  readonly background: BackgroundWork
  /** Our own disk or database failed; an upstream's failure is only tried again later. */
  readonly onBackgroundFailure: (error: unknown) => void
}

/**
 * Gives a sha256 to files that an upstream lists without one (an old HTML index, or one that knows MD5 only), by
 * fetching them; until then they are known and not offered (attacks.md HASH-MD5, HASH-NONE). Newest versions first.
 */
export class Hashing {
  readonly #parts: HashingParts
  readonly #running = new Map<string, Promise<void>>()

  constructor(parts: HashingParts) {
    this.#parts = parts
  }

  running(project: string, upstream: string): Promise<void> | undefined {
    return this.#running.get(`${upstream}/${project}`)
  }

  /** Starts, or joins, the hashing of what one project lacks. The promise never rejects. */
  start(project: string, upstream: string): Promise<void> {
    const key = `${upstream}/${project}`
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const work = this.#project(project, upstream)
      .catch(this.#parts.onBackgroundFailure)
      .finally(() => this.#running.delete(key))
    this.#running.set(key, work)
    return this.#parts.background.add(work)
  }

  async #project(project: string, upstream: string): Promise<void> {
    const rows = await this.#parts.store.db
      .selectFrom('file')
      .selectAll()
      .where('project', '=', project)
      .where('source', '=', upstream)
      .where('sha256', 'is', null)
      .where('withdrawn_at', 'is', null)
      .orderBy('id', 'desc')
      .execute()
    const queue = rows.values()
    const worker = async (): Promise<void> => {
      for (const row of queue) await this.#file(row)
    }
    await Promise.all(Array.from({ length: HASHING_CONCURRENCY }, worker))
    await this.#parts.publisher.publish()
  }

  #notHashed(error: unknown): undefined {
    if (isOwnFailure(error)) this.#parts.onBackgroundFailure(error)
    return undefined
  }

  async #file(row: FileRow): Promise<void> {
    const { store, clock, upstreams } = this.#parts
    const fills = this.#parts.fills.get(row.source)
    const source = upstreams.get(row.source)
    const { url } = row
    if (source === undefined || fills === undefined || url === null) return
    const result = await fills
      .hashFirst({
        filename: row.filename,
        ...(row.size === null ? {} : { size: row.size }),
        ...(row.md5 === null ? {} : { md5: row.md5 }),
        open: () => source.openFile(url),
      })
      .catch((error: unknown) => this.#notHashed(error))
    if (result === undefined) return
    const at = isoTime(clock)
    await store.transaction(async (tx) => {
      await tx
        .updateTable('file')
        .set({ sha256: result.sha256, size: result.size, stored: 1, admitted_at: at })
        .where('id', '=', row.id)
        .where('sha256', 'is', null)
        .execute()
      await appendJournal(tx, { project: row.project, action: 'refresh', at, actor: null })
    })
  }
}
