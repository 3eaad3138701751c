import type {
  CheckedPublication,
  OpenedRepository,
  Plan,
  PublishChanges,
  RepositoryState,
  RoleTable,
  Signers,
  TrustRemote,
} from '@waxseal/trust'
import { dueRoles, openRepository, planPublish, planTimestamp, PublicationChecker } from '@waxseal/trust'
import { setImmediate } from 'node:timers/promises'
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

/** What is to be published, verified as a client would. */
export interface CheckedPlan extends Plan {
  readonly checked: CheckedPublication
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
  #state: { readonly repository: RepositoryState; readonly checker: PublicationChecker } | undefined
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
  async planPages(pages: readonly SignedPage[], snapshot: number): Promise<CheckedPlan> {
    const targets = pages.map(({ project, sha256, length }) => ({
      role: 'bins',
      path: pageTarget(project),
      target: { length, sha256 },
    }))
    return await this.plan({ targets }, snapshot)
  }

  /** What these changes bring out in a new snapshot. @throws TrustError */
  async plan(changes: PublishChanges, snapshot: number): Promise<CheckedPlan> {
    const { repository, checker } = await this.#current()
    const signers = await this.signers()
    const effects = { snapshot, now: this.#parts.clock.now(), signers, load: this.load }
    return this.#check(await planPublish(repository, changes, effects), checker)
  }

  /** What is due by the clock: a plan for a snapshot of its own, one for the timestamp alone, or nothing. */
  async planRenewal(snapshot: number): Promise<{ readonly plan: CheckedPlan; readonly snapshot: boolean } | undefined> {
    const { repository, checker } = await this.#current()
    const now = this.#parts.clock.now()
    const due = dueRoles(repository, now)
    if (due.roles.length > 0 || due.snapshot) {
      return { plan: await this.plan({ renew: due.roles }, snapshot), snapshot: true }
    }
    if (!due.timestamp) return undefined
    const plan = await planTimestamp(repository, { now, signers: await this.signers() })
    return { plan: this.#check(plan, checker), snapshot: false }
  }

  /** Goes on from a plan whose files are out. */
  adopt({ state: repository, checked }: CheckedPlan): void {
    const checker = this.#state?.checker
    if (checker === undefined) return
    checker.adopt(checked)
    this.#state = { repository, checker }
  }

  /** The repository as it is published. */
  async state(): Promise<RepositoryState> {
    return (await this.#current()).repository
  }

  /**
   * Verifies all that is published, every bin included, as a client would that had just been given the root. Bounded by what there
   * is: a second or two for 16,384 bins. @throws TrustError
   */
  async verifyWhole(): Promise<void> {
    const { repository } = await this.#current()
    const now = this.#parts.clock.now()
    let files = 0
    const remote: TrustRemote = {
      ...this.#remote,
      metadata: async (name, limits) => {
        files += 1
        // Requests come first: nobody waits for this.
        if (files % FILES_AT_A_TIME === 0) await setImmediate()
        return await this.#remote.metadata(name, limits)
      },
    }
    await PublicationChecker.open({ root: repository.root.bytes, remote, now, bins: true })
  }

  async #current(): Promise<{ readonly repository: RepositoryState; readonly checker: PublicationChecker }> {
    const known = this.#state
    if (known !== undefined && (await this.#isNewest(known.repository))) return known
    const { state: repository } = await this.#open()
    const { root } = repository
    // What has expired while no server ran is about to be signed anew: that is no reason to refuse to.
    const checker = await PublicationChecker.open({ root: root.bytes, remote: this.#remote, now: 0, bins: false })
    // A ceremony of another process may have put other keys in the place of those that were opened.
    if (known !== undefined && haveOtherKeys(known.repository, repository)) this.#signers = undefined
    this.#state = { repository, checker }
    return this.#state
  }

  /** Nothing goes out that a client would refuse (design.md section 3, point 2). @throws TrustError */
  #check(plan: Plan, checker: PublicationChecker): CheckedPlan {
    const roles = new Map(plan.files.map(({ role, bytes }) => [role, bytes]))
    const [root, timestamp, snapshot] = ['root', 'timestamp', 'snapshot'].map((role) => {
      const bytes = roles.get(role)
      roles.delete(role)
      return bytes
    })
    if (timestamp === undefined) throw new Error('a plan without a timestamp')
    const publication = { ...(root === undefined ? {} : { roots: [root] }), timestamp, snapshot, roles }
    return { ...plan, checked: checker.check(publication, this.#parts.clock.now()) }
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
      load: this.load,
      timestamp: () => this.#timestamp(),
      expiries: async () => {
        const rows = await current.select(['role', 'version', 'expires_at']).execute()
        return new Map(rows.map((row) => [row.role, { version: row.version, expires: Date.parse(row.expires_at) }]))
      },
    })
  }

  readonly #remote: TrustRemote = {
    metadata: async (name) => {
      if (name === 'timestamp.json') return await this.#timestamp()
      const [, version, role] = VERSIONED.exec(name) ?? []
      return role === undefined ? undefined : await this.load(decodeURIComponent(role), Number(version))
    },
    target: async () => undefined,
  }

  async #timestamp(): Promise<Uint8Array | undefined> {
    const rows = this.#parts.store.db.selectFrom('tuf_file').select('body').where('role', '=', 'timestamp')
    return bytesOf(await rows.where('superseded_at', 'is', null).executeTakeFirst())
  }

  /** The stored file of a role in this version. */
  readonly load = async (role: string, version: number): Promise<Uint8Array | undefined> => {
    const rows = this.#parts.store.db.selectFrom('tuf_file').select('body').where('role', '=', role)
    return bytesOf(await rows.where('version', '=', version).executeTakeFirst())
  }
}

/** Files that a whole verification reads between two looks at what else there is to do. */
const FILES_AT_A_TIME = 8

const VERSIONED = /^(\d+)\.(.+)\.json$/

/** Whether a role that says who signs is another one. */
function haveOtherKeys(before: RepositoryState, after: RepositoryState): boolean {
  if (before.root.signed.version !== after.root.signed.version) return true
  return [...after.delegators.keys()].some(
    (role) => before.entries.get(role)?.version !== after.entries.get(role)?.version,
  )
}

function bytesOf(row: { readonly body: string } | undefined): Uint8Array | undefined {
  return row === undefined ? undefined : Buffer.from(row.body)
}
