import type { OpenedRepository, Plan, PublishChanges, RepositoryState, RoleTable, Signers } from '@waxseal/trust'
import { dueRoles, openRepository, planPublish, planTimestamp } from '@waxseal/trust'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import { pageTarget } from './role-table.ts'

export interface SignedRepositoryParts {
  readonly store: Store
  readonly clock: Clock
  readonly table: RoleTable
  /** Opens the keys that the server holds, at the first signature. */
  readonly openSigners: () => Promise<Signers>
}

/** A page as clients verify it: the target is the body. */
export interface SignedPage {
  readonly project: string
  readonly sha256: string
  /** In bytes. */
  readonly length: number
}

/**
 * The signed side of what is published (design.md sections 3 and 7). The state is kept between publishes, so that one costs what
 * changed; where another process has published since, it is read again. Nothing is stored here: the publisher's transaction does.
 */
export class SignedRepository {
  readonly #parts: SignedRepositoryParts
  #state: RepositoryState | undefined
  #signers: Promise<Signers> | undefined

  constructor(parts: SignedRepositoryParts) {
    this.#parts = parts
  }

  /** Opens the keys now. @throws TrustError where one cannot be used, with what to do */
  signers(): Promise<Signers> {
    this.#signers ??= this.#parts.openSigners().catch((error: unknown) => {
      this.#signers = undefined
      throw error
    })
    return this.#signers
  }

  /** What a new snapshot with these pages brings out. @throws TrustError */
  planPages(pages: readonly SignedPage[], snapshot: number): Promise<Plan> {
    const targets = pages.map(({ project, sha256, length }) => ({
      role: 'bins',
      path: pageTarget(project),
      target: { length, sha256 },
    }))
    return this.#plan({ targets }, snapshot)
  }

  /** What is due by the clock: a plan for a snapshot of its own, one for the timestamp alone, or nothing. */
  async planRenewal(snapshot: number): Promise<{ readonly plan: Plan; readonly snapshot: boolean } | undefined> {
    const state = await this.state()
    const now = this.#parts.clock.now()
    const due = dueRoles(state, now)
    if (due.roles.length > 0 || due.snapshot) {
      return { plan: await this.#plan({ renew: due.roles }, snapshot), snapshot: true }
    }
    if (!due.timestamp) return undefined
    return { plan: await planTimestamp(state, { now, signers: await this.signers() }), snapshot: false }
  }

  /** Goes on from a plan whose files are out. */
  adopt(plan: Plan): void {
    this.#state = plan.state
  }

  /** The repository as it is published. */
  async state(): Promise<RepositoryState> {
    const known = this.#state
    if (known !== undefined && (await this.#isNewest(known))) return known
    const { state } = await this.#open()
    this.#state = state
    return state
  }

  async #plan(changes: PublishChanges, snapshot: number): Promise<Plan> {
    const state = await this.state()
    const signers = await this.signers()
    return await planPublish(state, changes, { snapshot, now: this.#parts.clock.now(), signers, load: this.#load })
  }

  async #isNewest({ snapshot, timestamp }: RepositoryState): Promise<boolean> {
    const rows = await this.#parts.store.db
      .selectFrom('tuf_file')
      .select(['role', 'version'])
      .where('role', 'in', ['snapshot', 'timestamp'])
      .where('superseded_at', 'is', null)
      .execute()
    const wanted: Readonly<Record<string, number>> = { snapshot: snapshot.version, timestamp: timestamp.version }
    return rows.length === 2 && rows.every(({ role, version }) => wanted[role] === version)
  }

  async #open(): Promise<OpenedRepository> {
    const { store, table } = this.#parts
    const current = store.db.selectFrom('tuf_file').where('superseded_at', 'is', null)
    return await openRepository(table, {
      load: this.#load,
      timestamp: async () => bytesOf(await current.select('body').where('role', '=', 'timestamp').executeTakeFirst()),
      expiries: async () => {
        const rows = await current.select(['role', 'version', 'expires_at']).execute()
        return new Map(rows.map((row) => [row.role, { version: row.version, expires: Date.parse(row.expires_at) }]))
      },
    })
  }

  readonly #load = async (role: string, version: number): Promise<Uint8Array | undefined> => {
    const rows = this.#parts.store.db.selectFrom('tuf_file').select('body').where('role', '=', role)
    return bytesOf(await rows.where('version', '=', version).executeTakeFirst())
  }
}

function bytesOf(row: { readonly body: string } | undefined): Uint8Array | undefined {
  return row === undefined ? undefined : Buffer.from(row.body)
}
