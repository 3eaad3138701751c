import { MAX_CURRENT_PROJECTS } from '../limits.ts'
import type { Clock } from '../clock.ts'
import type { NameAnswer, NamesConfig } from '../names/authority.ts'
import type { Offering } from '../releases/judge-files.ts'
import type { PageRow, ProjectRow, ProjectStatus } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { readOffering } from './page-source.ts'

/** What a reader needs to know of one name: who answers, what is published, and how old the upstream's word is. */
export interface ProjectState {
  readonly name: string
  readonly project: ProjectRow | undefined
  readonly answer: NameAnswer
  /** What decides which of its files are given out. */
  readonly offering: Offering
  readonly page: PageRow | undefined
  readonly status: ProjectStatus
  readonly statusReason: string | null
  /** Time of the last good answer by upstream name, in milliseconds; the only part that changes in place. */
  readonly checkedAt: Map<string, number>
}

/**
 * The published state of projects as readers see it, read from the database once and kept until a publish, here or in
 * another process, replaces it. Bounded; the least recently used go first.
 */
export class CurrentProjects {
  readonly #store: Store
  readonly #names: NamesConfig
  readonly #clock: Clock
  readonly #states = new Map<string, ProjectState>()
  /** Counts invalidations, so that a state that was read before one is not kept after it. */
  #generation = 0
  /** Another process has changed something that was not taken over yet. */
  #isStale = false
  #reloading: Promise<void> | undefined

  constructor(store: Store, names: NamesConfig, clock: Clock) {
    this.#store = store
    this.#names = names
    this.#clock = clock
  }

  /** Changes whenever anything that was read before may be out of date. */
  get generation(): number {
    return this.#generation
  }

  /** Drops what another process may have changed; to be awaited, when it gives a promise, before anything is believed. */
  synchronize(): void | Promise<void> {
    const elsewhere = this.#store.changedElsewhere()
    if (elsewhere === true) this.#isStale = true
    if (typeof elsewhere !== 'boolean') {
      return elsewhere.then((changed) => {
        this.#isStale ||= changed
        return this.#caughtUp()
      })
    }
    return this.#caughtUp()
  }

  /**
   * Another process may have granted a namespace, too: until it is read, nobody reads a state, and where reading fails it is read again
   * for the next request.
   */
  #caughtUp(): void | Promise<void> {
    if (!this.#isStale) return this.#reloading
    this.#isStale = false
    this.clear()
    const { reload } = this.#names
    if (reload === undefined) return undefined
    const reloading = reload()
      .catch((error: unknown) => {
        this.#isStale = true
        throw error
      })
      .finally(() => {
        if (this.#reloading === reloading) this.#reloading = undefined
      })
    this.#reloading = reloading
    return reloading
  }

  /** The published state of `name`, at once when it is known. */
  get(name: string): ProjectState | Promise<ProjectState> {
    const synchronized = this.synchronize()
    if (synchronized === undefined) return this.#known(name) ?? this.#read(name)
    return synchronized.then(() => this.#known(name) ?? this.#read(name))
  }

  /** The published state when it is known already; never reads. */
  peek(name: string): ProjectState | undefined {
    const synchronized = this.synchronize()
    if (synchronized === undefined) return this.#known(name)
    // Whoever goes on to `get` asks again, and is told when it fails.
    synchronized.catch(() => undefined)
    return undefined
  }

  forget(names: Iterable<string>): void {
    this.#generation += 1
    for (const name of names) this.#states.delete(name)
  }

  clear(): void {
    this.#generation += 1
    this.#states.clear()
  }

  #known(name: string): ProjectState | undefined {
    const state = this.#states.get(name)
    if (state === undefined) return undefined
    this.#states.delete(name)
    this.#states.set(name, state)
    return state
  }

  async #read(name: string): Promise<ProjectState> {
    const generation = this.#generation
    const { db } = this.#store
    const project = await db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
    const page = await db.selectFrom('page').selectAll().where('project', '=', name).executeTakeFirst()
    const checks = await db
      .selectFrom('upstream_page')
      .select(['upstream', 'checked_at'])
      .where('project', '=', name)
      .where('absent', '=', 0)
      .execute()
    const offering = await readOffering(db, name, project, this.#names, this.#clock.now())
    const state: ProjectState = {
      name,
      project,
      answer: offering.answer,
      offering,
      page,
      status: offering.status,
      statusReason: offering.statusReason,
      checkedAt: new Map(checks.map((row) => [row.upstream, Date.parse(row.checked_at)])),
    }
    // An unknown name is not kept: the names that strangers may ask for are endless.
    if (project !== undefined && generation === this.#generation) {
      this.#states.set(name, state)
      if (this.#states.size > MAX_CURRENT_PROJECTS) {
        const oldest = this.#states.keys().next()
        if (!oldest.done) this.#states.delete(oldest.value)
      }
    }
    return state
  }
}
