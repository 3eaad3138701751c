import { hash } from 'node:crypto'
import type { BodyStore } from '../blobs/recent-blobs.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { NamesConfig } from '../names/authority.ts'
import { readPageBody } from '../releases/page-body.ts'
import { projectPage, renderPage } from '../releases/page.ts'
import type { PageRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { appendJournal } from './journal.ts'
import { readPageSource } from './page-source.ts'
import type { Publishing } from './leave-to-server.ts'

export interface PageBodiesParts {
  readonly store: Store
  readonly bodies: BodyStore
  readonly clock: Clock
  readonly names: NamesConfig
  readonly publisher: Publishing
  /** Told of a body that had to be made again, and of one that could not be stored again. */
  readonly onDamage: (error: unknown) => void
}

/** The bytes of a published page, and the snapshot that brought them out. */
export interface PageBody {
  readonly bytes: Buffer
  readonly snapshot: number
}

/** Published pages by their row; one whose body the store has lost, or has damaged, is made again from the rows at once. */
export class PageBodies {
  readonly #parts: PageBodiesParts

  constructor(parts: PageBodiesParts) {
    this.#parts = parts
  }

  async read(page: PageRow): Promise<PageBody> {
    const { bodies, onDamage } = this.#parts
    try {
      return { bytes: await readPageBody(bodies, page.body_sha256), snapshot: page.snapshot }
    } catch (error) {
      if (!(error instanceof IndexError) || (error.code !== 'blob-missing' && error.code !== 'blob-damaged'))
        throw error
      onDamage(error)
    }
    return await this.restore(page)
  }

  /** The bytes of a page of `project` by their sha256: the current one, or one that was replaced not long ago. */
  async published(project: string, sha256: string): Promise<Buffer | undefined> {
    const { store, bodies } = this.#parts
    const current = await store.db.selectFrom('page').selectAll().where('project', '=', project).executeTakeFirst()
    if (current?.body_sha256 === sha256) return (await this.read(current)).bytes
    const before = store.db.selectFrom('superseded_page').select('body_sha256').where('project', '=', project)
    const found = await before.where('body_sha256', '=', sha256).limit(1).executeTakeFirst()
    return found === undefined ? undefined : await readPageBody(bodies, sha256)
  }

  /**
   * Makes the body again. The same rows give the same bytes, so it mostly gets its old name; where they do not (a newer
   * version writes pages differently, or a change waits to be published), the page is published anew.
   */
  async restore(page: PageRow): Promise<PageBody> {
    const { store, bodies, clock, names, onDamage } = this.#parts
    const source = await readPageSource(store.db, page.project, names, clock.now())
    if (source === undefined) throw new IndexError('not-found', `There is no project ${page.project} any more.`)
    const { content, bytesAt } = renderPage(projectPage(source))
    const bytes = bytesAt({ snapshot: page.snapshot, prev: page.prev_sha256 })
    // Who asked is answered in any case: the disk may be full, or not ours to write.
    const rendered = { bytes: Buffer.from(bytes), snapshot: page.snapshot }
    const same = content === page.content_sha256 && hash('sha256', bytes) === page.body_sha256
    try {
      if (!same) return await this.#publishAnew(page)
      await bodies.put(page.body_sha256, bytes, { replace: true })
    } catch (error) {
      onDamage(error)
    }
    return rendered
  }

  async #publishAnew({ project, body_sha256: lost }: PageRow): Promise<PageBody> {
    const { store, bodies, clock, publisher } = this.#parts
    await store.transaction(async (tx) => {
      // No page has this digest: whatever the rows say now differs, and is published.
      const values = { content_sha256: '' }
      await tx.updateTable('page').set(values).where('project', '=', project).where('body_sha256', '=', lost).execute()
      await appendJournal(tx, { project, action: 'refresh', at: isoTime(clock), actor: null })
    })
    await publisher.publish()
    const page = await store.db.selectFrom('page').selectAll().where('project', '=', project).executeTakeFirstOrThrow()
    return { bytes: await readPageBody(bodies, page.body_sha256), snapshot: page.snapshot }
  }
}
