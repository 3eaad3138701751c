import type { SimpleProjectPage } from '@waxseal/packaging'
import type { Selectable, Transaction } from 'kysely'
import type { BackgroundWork } from '../background-work.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { isFull } from '../error.ts'
import type { NamesConfig } from '../names/authority.ts'
import { claimedName } from '../names/claimed-name.ts'
import { answerFor, sourcesOf } from '../names/authority.ts'
import { keepQuarantine } from '../names/copied-quarantine.ts'
import { noteMergeConflicts } from '../names/merging.ts'
import { insertProject } from '../names/project-row.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import { appendJournal } from '../publish/journal.ts'
import type { Publishing } from '../publish/leave-to-server.ts'
import type { Database, UpstreamPageTable } from '../store/schema.ts'
import { isUnavailable } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import type { NegativeCache } from '../upstream/negative-cache.ts'
import { SingleFlight } from '../upstream/single-flight.ts'
import type { PageAnswer, Upstream } from '../upstream/upstream.ts'
import { admitListing } from './admission.ts'
import type { Hashing } from './hashing.ts'
import { unaskedReason } from './unasked.ts'
import type { Unasked } from './unasked.ts'

/** One upstream's word on one name. */
export type RefreshOutcome =
  /** `hashing` settles when the files that came without a sha256 have one, or could not get one. */
  | { readonly kind: 'found'; readonly hashing?: Promise<void> }
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly retryAfterMs?: number
      readonly unasked?: Unasked
      /** Not the upstream's failure but ours: what the disk or the database said. */
      readonly trouble?: unknown
    }

export interface RefreshParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly publisher: Publishing
  readonly current: CurrentProjects
  readonly absent: ReadonlyMap<string, NegativeCache>
  /** Absent where a server will do it: its files have no hash until then. */
  readonly hashing?: Hashing
  readonly background: BackgroundWork
  readonly unasked?: Unasked
}

type FoundAnswer = Extract<PageAnswer, { readonly kind: 'found' }>

/** Takes over what upstreams list: fetch, admit in one transaction, publish. One flight per name and upstream. */
export class Refresh {
  readonly #parts: RefreshParts
  readonly #flights = new SingleFlight<string, RefreshOutcome>()

  constructor(parts: RefreshParts) {
    this.#parts = parts
  }

  page(name: string, upstream: string): Promise<RefreshOutcome> {
    const { unasked, background } = this.#parts
    if (unasked !== undefined) return Promise.resolve({ kind: 'failed', reason: unaskedReason(unasked), unasked })
    return this.#flights.run(`${upstream}/${name}`, () => background.add(this.#page(name, upstream)))
  }

  async #page(name: string, upstream: string): Promise<RefreshOutcome> {
    const { store, upstreams, absent } = this.#parts
    const source = upstreams.get(upstream)
    // A name decided for an upstream that was taken out of the configuration: its admitted files stay, nobody is asked.
    if (source === undefined) return { kind: 'failed', reason: 'It is not configured any more.' }
    const last = await store.db
      .selectFrom('upstream_page')
      .innerJoin('project', 'project.name', 'upstream_page.project')
      .select(['etag', 'last_modified', 'absent', 'project.upstream'])
      .where('project', '=', name)
      .where('upstream_page.upstream', '=', upstream)
      .executeTakeFirst()
    // An undecided name that was shown from elsewhere meanwhile must be taken over whole.
    const known = last?.upstream === upstream ? last : undefined
    const answer = await source.fetchPage(name, {
      ...(known?.etag ? { etag: known.etag } : {}),
      ...(known?.last_modified ? { lastModified: known.last_modified } : {}),
    })
    switch (answer.kind) {
      case 'found':
        return this.#found(name, upstream, answer)
      case 'not-modified': {
        const at = await this.#confirmed(name, upstream, { absent: 0 })
        ;(await this.#parts.current.get(name)).checkedAt.set(upstream, at)
        // Whoever wrote the listing down may not have come to publishing it.
        await this.#parts.publisher.publish()
        // What could not be fetched the last time, or before a restart, is tried again although the page is the same.
        return this.#withHashing(name, upstream, await this.#lacksHashes(name, upstream))
      }
      case 'absent':
        absent.get(upstream)?.add(name)
        if (last !== undefined && isKnownGone(last)) {
          await this.#confirmed(name, upstream, { absent: 1 }).catch(unlessNoRoom)
        } else if (last !== undefined) await this.#gone(name, upstream)
        return { kind: 'absent' }
      case 'failed':
        return answer
    }
  }

  async #found(name: string, upstream: string, answer: FoundAnswer): Promise<RefreshOutcome> {
    const { store, clock, names, publisher } = this.#parts
    const at = isoTime(clock)
    const localVersions = this.#parts.upstreams.get(upstream)?.config.localVersions ?? true
    const result = await store.transaction(async (tx) => {
      const project = await tx.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
      const owner = answerFor(name, project && claimedName(project), names)
      // Claimed, reserved or decided otherwise while the answer was under way: it is nobody's business any more.
      const decided = sourcesOf(owner, null).includes(upstream)
      if (owner.kind !== 'undecided' && !decided) return { unhashed: 0 }
      const shown = decided || project?.upstream === upstream
      if (project === undefined) await insertProject(tx, { name, authority: 'unclaimed', upstream, at })
      else if (!shown) await tx.updateTable('project').set({ upstream }).where('name', '=', name).execute()
      const lastChecked = await lastCheck(tx, name, upstream)
      const status = await saveListingState(tx, name, upstream, answer, at)
      const admitted = await admitListing(tx, {
        project: name,
        upstream,
        page: answer.page,
        at,
        localVersions,
        lastChecked,
      })
      if (admitted.changed && owner.kind === 'merged') await noteMergeConflicts(tx, name, at)
      if (status === 'quarantined') await keepQuarantine(tx, name, at)
      if (admitted.changed || !shown || status !== 'unchanged') {
        await appendJournal(tx, { project: name, action: 'refresh', at, actor: `upstream:${upstream}` })
      }
      return { unhashed: admitted.unhashed }
      // Nobody is told of it before its page is published, durably.
    }, 'with-the-next')
    await publisher.publish()
    this.#parts.current.forget([name])
    return this.#withHashing(name, upstream, result.unhashed > 0)
  }

  #withHashing(name: string, upstream: string, unhashed: boolean): RefreshOutcome {
    const running = unhashed ? this.#parts.hashing?.start(name, upstream) : this.#parts.hashing?.running(name, upstream)
    return running === undefined ? { kind: 'found' } : { kind: 'found', hashing: running }
  }

  async #lacksHashes(name: string, upstream: string): Promise<boolean> {
    const row = await this.#parts.store.db
      .selectFrom('file')
      .select('id')
      .where('project', '=', name)
      .where('source', '=', upstream)
      .where('sha256', 'is', null)
      .where('withdrawn_at', 'is', null)
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  }

  /** The upstream says what it said before; when, in milliseconds since 1970. */
  async #confirmed(name: string, upstream: string, said: { readonly absent: 0 | 1 }): Promise<number> {
    const { store, clock } = this.#parts
    const now = clock.now()
    await store.transaction(
      (tx) =>
        tx
          .updateTable('upstream_page')
          .set({ checked_at: new Date(now).toISOString(), ...said })
          .where('project', '=', name)
          .where('upstream', '=', upstream)
          .execute(),
      // Forgotten, it costs one more question.
      'with-the-next',
    )
    return now
  }

  /**
   * The whole project vanished upstream: an empty listing for a name it owns, nothing for one that only passed by. When this
   * was, and what the upstream had closed before, is kept: its return makes no file old (attacks.md COOL-1), and lifts no quarantine.
   */
  async #gone(name: string, upstream: string): Promise<void> {
    const { store, clock, publisher, current } = this.#parts
    const at = isoTime(clock)
    await store.transaction(async (tx) => {
      await tx
        .updateTable('upstream_page')
        .set({ etag: null, last_modified: null, checked_at: at, absent: 1 })
        .where('project', '=', name)
        .where('upstream', '=', upstream)
        .execute()
      const project = await tx.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
      if (project === undefined || project.upstream !== upstream) return
      const page: SimpleProjectPage = { name, versions: [], files: [], apiVersion: '1.4' }
      await admitListing(tx, { project: name, upstream, page, at, localVersions: true })
      if (project.authority === 'unclaimed') {
        await tx.updateTable('project').set({ upstream: null }).where('name', '=', name).execute()
      }
      await appendJournal(tx, { project: name, action: 'refresh', at, actor: `upstream:${upstream}` })
    })
    await publisher.publish()
    current.forget([name])
  }
}

/**
 * Whether it was gone at the last look. A server of the version before, in a rolling upgrade, does not take `absent` back from what it sees
 * again, but notes the validators of the listing.
 */
function isKnownGone(last: Pick<Selectable<UpstreamPageTable>, 'absent' | 'etag' | 'last_modified'>): boolean {
  return last.absent === 1 && last.etag === null && last.last_modified === null
}

/** A 404 is passed on though the disk is full or the database locked: what could not be noted is the same as before. */
function unlessNoRoom(error: unknown): void {
  if (!isFull(error) && !isUnavailable(error)) throw error
}

async function saveListingState(
  tx: Transaction<Database>,
  project: string,
  upstream: string,
  answer: FoundAnswer,
  at: string,
): Promise<'quarantined' | 'changed' | 'unchanged'> {
  const state = {
    etag: answer.etag ?? null,
    last_modified: answer.lastModified ?? null,
    checked_at: at,
    absent: 0,
    status: answer.page.status?.status ?? ('active' as const),
    status_reason: answer.page.status?.reason ?? null,
  }
  const before = await tx
    .selectFrom('upstream_page')
    .select(['status', 'status_reason'])
    .where('project', '=', project)
    .where('upstream', '=', upstream)
    .executeTakeFirst()
  await tx
    .insertInto('upstream_page')
    .values({ project, upstream, ...state })
    .onConflict((conflict) => conflict.columns(['project', 'upstream']).doUpdateSet(state))
    .execute()
  if (state.status === 'quarantined' && before?.status !== 'quarantined') return 'quarantined'
  const same = before !== undefined && before.status === state.status && before.status_reason === state.status_reason
  return same ? 'unchanged' : 'changed'
}

/** When this upstream last said what it has of a name. */
async function lastCheck(tx: Transaction<Database>, project: string, upstream: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('upstream_page')
    .select('checked_at')
    .where('project', '=', project)
    .where('upstream', '=', upstream)
    .executeTakeFirst()
  return row?.checked_at
}
