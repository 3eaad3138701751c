import { hash } from 'node:crypto'
import { PackagingError } from '@waxseal/packaging'
import { TrustError } from '@waxseal/trust'
import type { PublishChanges, TargetChange } from '@waxseal/trust'
import type { Transaction } from 'kysely'
import type { BodyStore } from '../blobs/recent-blobs.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { PUBLISH_BATCH, PUBLISH_FENCED_RETRIES } from '../limits.ts'
import type { NamesConfig } from '../names/authority.ts'
import { projectPage, renderPage } from '../releases/page.ts'
import type { Database, PageRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { isUniqueViolation } from '../store/store.ts'
import { journalDue } from './journal.ts'
import type { NameTarget } from './name-targets.ts'
import { changedNameTargets, storeNameTargets, targetChange } from './name-targets.ts'
import { Overtaken } from './overtaken.ts'
import { readPageSource } from './page-source.ts'
import { pagesOf } from './published-pages.ts'
import type { CheckedPlan, SignedPage, SignedRepair, SignedRepository } from './signed-repository.ts'
import { storePlan } from './store-plan.ts'
import { isSigned } from './trust-settings.ts'

export interface PublisherParts {
  readonly store: Store
  readonly bodies: BodyStore
  readonly clock: Clock
  readonly names: NamesConfig
  /** Who publishes, for the snapshot's row: host and process. */
  readonly publisher: string
  /** Signs what is published; undefined while the index is not signed. */
  readonly signed?: SignedRepository | undefined
  /** Told of a project whose page cannot be written; the others go out all the same, its page stays as it was. */
  readonly onUnpublishable?: (project: string, error: unknown) => void
  /** Told of bins that were lost or damaged, and are made anew from the pages that belong into them. */
  readonly onDamagedBins?: (bins: ReadonlySet<string>, problem: Error) => void
  /** Told the newest snapshot and the projects of the batch once it is out, before anybody who waits for it. */
  readonly onPublished?: (snapshot: number, projects: ReadonlySet<string>, batch: PublishedBatch) => void
}

/** What a batch took. */
export interface PublishedBatch {
  /** 0: nothing of what readers see has changed, and there is no new snapshot. */
  readonly pages: number
  /** From reading the journal to the end of the commit. */
  readonly ms: number
}

/** A page whose body is stored, and the one that it replaces. */
interface StoredPage {
  readonly page: PageRow
  readonly previous: PageRow | undefined
  /** Bytes of the body. */
  readonly length: number
}

/** What was made of a project. */
interface Rendered {
  readonly project: string
  /** When it next changes by the clock alone, where that is another time than before; null: never. */
  readonly nextChange: string | null | undefined
  /** Absent where its page says what it said before. */
  readonly stored?: StoredPage
}

/** What one turn brought out. */
interface Turn {
  readonly published: number
  readonly more: boolean
}

/**
 * The one place that turns the journal into what the world sees (design.md section 3). Idle, it starts at once; what
 * arrives while it runs forms the next batch. A crash anywhere leaves the previous snapshot whole: bodies are
 * content-addressed files that nothing points to until the transaction that numbers the snapshot commits.
 */
export class Publisher {
  readonly #parts: PublisherParts
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** Whoever waits for what is due by the clock. */
  #renewal: PromiseWithResolvers<void> | undefined

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /**
   * Publishes everything that was journalled before this call and returns when it is out. Calls that come while a
   * batch runs share the next one.
   */
  publish(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#drain().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.publish()
      })
    return this.#next
  }

  /** Publishes, and signs again what is due by the clock. Where that fails, those who only publish are not told. */
  async renew(): Promise<void> {
    if (this.#parts.signed === undefined) return await this.publish()
    this.#renewal ??= Promise.withResolvers<void>()
    const { promise } = this.#renewal
    promise.catch(() => undefined)
    await this.publish()
    await promise
  }

  /**
   * Brings out what a ceremony signed, in a snapshot of its own, with what `record` adds to the transaction. Its number; of an
   * index that is signed. What waits in the journal stays there: the keys that would sign it may be gone.
   * @throws TrustError where it is refused
   */
  async bringOut(
    changes: PublishChanges,
    record: (tx: Transaction<Database>, snapshot: number) => Promise<void>,
  ): Promise<number> {
    const { store, signed } = this.#parts
    if (signed === undefined) throw new IndexError('not-found', 'This index is not signed.')
    return await unfenced(async () => {
      const version = (await newestSnapshot(store)) + 1
      await this.#commit({ plan: await signed.plan(changes, version), snapshot: true }, version, record)
      return version
    })
  }

  async #drain(): Promise<void> {
    await journalDue(this.#parts.store, this.#parts.clock)
    // What another publisher left over is ours to publish on top of it.
    while ((await unfenced(() => this.#turn())).more);
    await unfenced(() => this.#renewIfAsked())
  }

  /** Signs what `repair` says, in a snapshot in which no page is new; its number. */
  async repair(repair: SignedRepair): Promise<number> {
    return await unfenced(async () => {
      const { store, signed } = this.#parts
      if (signed === undefined) throw new IndexError('not-allowed', 'This index is not signed.')
      const version = (await newestSnapshot(store)) + 1
      await this.#commit({ plan: await signed.planRepair(repair, version), snapshot: true }, version)
      return version
    })
  }

  async #renewIfAsked(): Promise<void> {
    const asked = this.#renewal
    if (asked === undefined) return
    try {
      await this.#renew()
      asked.resolve()
    } catch (error) {
      if (wasOvertaken(error)) throw error
      asked.reject(error)
    }
    this.#renewal = undefined
  }

  async #turn(): Promise<Turn> {
    const { store, clock } = this.#parts
    const started = performance.now()
    const waiting = await store.db
      .selectFrom('journal')
      .select(['seq', 'project'])
      .where('snapshot', 'is', null)
      .orderBy('seq')
      .limit(PUBLISH_BATCH)
      .execute()
    if (waiting.length === 0) return { published: 0, more: false }
    // A namespace that another process granted is among what is published.
    await this.#parts.names.reload?.()
    const base = await newestSnapshot(store)
    const snapshot = base + 1
    const projects = new Set(waiting.map((row) => row.project))
    const rendered: Rendered[] = []
    for (const project of projects) {
      const page = await this.#tryPage(project, snapshot)
      if (page !== undefined) rendered.push(page)
    }
    const stored = rendered.flatMap(({ stored: one }) => one ?? [])
    const pages = stored.map(({ page }) => page)
    const superseded = stored.flatMap(({ previous }) => previous ?? [])
    const targets =
      this.#parts.signed === undefined
        ? []
        : await changedNameTargets(store.db, projects, this.#parts.names, clock.now())
    const hasNews = pages.length > 0 || targets.length > 0
    const signed = hasNews ? await this.#sign(stored, targets, snapshot) : undefined
    const seqs = waiting.map((row) => row.seq)
    const at = isoTime(clock)
    await store.transaction(async (tx) => {
      const taken = await tx
        .updateTable('journal')
        .set({ snapshot: hasNews ? snapshot : base })
        .where('seq', 'in', seqs)
        .where('snapshot', 'is', null)
        .executeTakeFirst()
      // Opened before it was signed, this process would bring out pages that no signature covers.
      if (this.#parts.signed === undefined && (await isSigned(tx))) {
        throw new IndexError('conflict', 'This index was signed after this process opened it: start it again.')
      }
      // The number alone does not fence: whoever found nothing to publish in these rows took none.
      if (Number(taken.numUpdatedRows) !== seqs.length) throw new Overtaken()
      if (hasNews) {
        await tx
          .insertInto('snapshot')
          .values({ version: snapshot, at, publisher: this.#parts.publisher, projects: pages.length })
          .execute()
      }
      for (const page of superseded) {
        const { project, snapshot: replaced, body_sha256 } = page
        await tx
          .insertInto('superseded_page')
          .values({ project, snapshot: replaced, body_sha256, superseded_at: at })
          .execute()
      }
      for (const page of pages) {
        const { project: _project, ...values } = page
        await tx
          .insertInto('page')
          .values(page)
          .onConflict((conflict) => conflict.column('project').doUpdateSet(values))
          .execute()
      }
      for (const { project, nextChange } of rendered) {
        if (nextChange === undefined) continue
        await tx.updateTable('project').set({ next_change_at: nextChange }).where('name', '=', project).execute()
      }
      await storeNameTargets(tx, targets, at)
      if (signed !== undefined) await storePlan(tx, signed.files, at)
    })
    if (signed !== undefined) this.#parts.signed?.adopt(signed)
    const batch = { pages: pages.length, ms: performance.now() - started }
    this.#parts.onPublished?.(hasNews ? snapshot : base, projects, batch)
    return { published: pages.length, more: waiting.length === PUBLISH_BATCH }
  }

  async #sign(
    stored: readonly StoredPage[],
    named: readonly NameTarget[],
    snapshot: number,
  ): Promise<CheckedPlan | undefined> {
    const pages = stored.map(({ page, length }) => ({ project: page.project, sha256: page.body_sha256, length }))
    const targets = named.map(targetChange)
    const { signed } = this.#parts
    if (signed === undefined) return undefined
    try {
      return await signed.planPages(pages, targets, snapshot)
    } catch (error) {
      if (!(error instanceof TrustError) || error.code === 'signer-failed') throw error
      return await this.#signOverDamage(signed, { pages, targets }, snapshot, error)
    }
  }

  /** A bin that is lost or damaged holds up nobody: what belongs into it is known, and it is made anew (as the doctor does). */
  async #signOverDamage(
    signed: SignedRepository,
    { pages, targets }: { readonly pages: readonly SignedPage[]; readonly targets: readonly TargetChange[] },
    snapshot: number,
    problem: TrustError,
  ): Promise<CheckedPlan> {
    const { store, bodies, onDamagedBins } = this.#parts
    const projects = new Set(pages.map(({ project }) => project))
    const bins = await signed.damagedBins(projects, snapshot)
    if (bins.size === 0) throw problem
    const { layout } = await signed.state()
    const others = (await pagesOf({ store, blobs: bodies }, layout, bins)).filter(
      ({ project }) => !projects.has(project),
    )
    const plan = await signed.planRepair({ afresh: [...bins], pages: [...others, ...pages], targets }, snapshot)
    onDamagedBins?.(bins, problem)
    return plan
  }

  /** A snapshot in which no page is new, or the timestamp alone. */
  async #renew(): Promise<void> {
    const { store, signed } = this.#parts
    const version = (await newestSnapshot(store)) + 1
    const due = await signed?.planRenewal(version)
    if (due === undefined) return
    await this.#commit(due, version)
    if (due.problem !== undefined) throw due.problem
  }

  async #commit(
    { plan, snapshot }: { readonly plan: CheckedPlan; readonly snapshot: boolean },
    version: number,
    record?: (tx: Transaction<Database>, snapshot: number) => Promise<void>,
  ): Promise<void> {
    const { store, clock, publisher, signed } = this.#parts
    const at = isoTime(clock)
    await store.transaction(async (tx) => {
      if (snapshot) await tx.insertInto('snapshot').values({ version, at, publisher, projects: 0 }).execute()
      await storePlan(tx, plan.files, at)
      await record?.(tx, version)
    })
    signed?.adopt(plan)
  }

  /** A page that breaks a rule of its format holds up nobody else's. */
  async #tryPage(project: string, snapshot: number): Promise<Rendered | undefined> {
    try {
      return await this.#page(project, snapshot)
    } catch (error) {
      if (!(error instanceof PackagingError)) throw error
      this.#parts.onUnpublishable?.(project, error)
      return undefined
    }
  }

  /** Renders one project and stores the body; undefined when nothing is known of it. */
  async #page(project: string, snapshot: number): Promise<Rendered | undefined> {
    const { store, bodies, clock, names } = this.#parts
    const source = await readPageSource(store.db, project, names, clock.now())
    if (source === undefined) return undefined
    const previous = await store.db.selectFrom('page').selectAll().where('project', '=', project).executeTakeFirst()
    const page = projectPage(source)
    const { content, bytesAt } = renderPage(page)
    const due = page.nextChange === undefined ? null : new Date(page.nextChange).toISOString()
    const rendered: Rendered = { project, nextChange: due === source.row.next_change_at ? undefined : due }
    const listed = source.listed && source.offering.status !== 'quarantined' ? 1 : 0
    if (previous?.content_sha256 === content && previous.listed === listed) return rendered
    const bytes = bytesAt({ snapshot, prev: previous?.body_sha256 ?? null })
    const body = hash('sha256', bytes)
    await bodies.put(body, bytes)
    const stored = {
      previous,
      length: bytes.length,
      page: {
        project,
        snapshot,
        body_sha256: body,
        prev_sha256: previous?.body_sha256 ?? null,
        content_sha256: content,
        listed,
      },
    }
    return { ...rendered, stored }
  }
}

/** Does `work` again where another publisher took its number or its rows meanwhile. */
async function unfenced<T>(work: () => Promise<T>): Promise<T> {
  for (let fenced = 1; ; fenced += 1) {
    try {
      return await work()
    } catch (error) {
      if (!wasOvertaken(error)) throw error
      if (fenced <= PUBLISH_FENCED_RETRIES) continue
      throw new IndexError('publish-fenced', 'Other publishers took every snapshot number that was tried.', {
        cause: error,
      })
    }
  }
}

function wasOvertaken(error: unknown): boolean {
  return error instanceof Overtaken || isUniqueViolation(error)
}

/** The number of the newest snapshot; 0 before the first. */
export async function newestSnapshot(store: Pick<Store, 'db'>): Promise<number> {
  const row = await store.db
    .selectFrom('snapshot')
    .select((expression) => expression.fn.max('version').as('version'))
    .executeTakeFirst()
  return row?.version ?? 0
}
