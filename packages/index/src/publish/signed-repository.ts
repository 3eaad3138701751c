import type {
  CheckedPublication,
  LoadRole,
  OpenedRepository,
  Plan,
  PublishChanges,
  RepositoryState,
  RoleTable,
  Signers,
  TargetChange,
  TrustRemote,
} from '@waxseal/trust'
import {
  delegatedTrust,
  delegatorOf,
  dueRoles,
  openRepository,
  planPublish,
  planTimestamp,
  PublicationChecker,
  topTrust,
  TrustError,
} from '@waxseal/trust'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import { Overtaken } from './overtaken.ts'
import { pendingRaise, renumberBy } from './pending-raise.ts'
import { binOfPage } from './published-pages.ts'
import { pageTarget } from './role-table.ts'

export interface SignedRepositoryParts {
  readonly store: Store
  readonly clock: Clock
  readonly table: RoleTable
  /** Opens the keys that the server holds, at the first signature. */
  readonly openSigners: () => Promise<Signers>
  /** Looks whether these are the keys that clients accept: sentences about what cannot be told right now. @throws IndexError `keys-unusable` */
  readonly checkKeys: (state: RepositoryState) => Promise<readonly string[]>
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

/** What a renewal brings out. */
interface Renewal {
  readonly plan: CheckedPlan
  /** Whether in a snapshot of its own; else the timestamp alone. */
  readonly snapshot: boolean
  /** Why roles that were due are not in it. */
  readonly problem?: TrustError | undefined
}

/** What is to be signed anew. */
export interface SignedRepair {
  /** Bins that are lost or damaged; all of their pages have to be among `pages`. */
  readonly afresh?: readonly string[]
  /** Roles that are whole, and expired. */
  readonly renew?: readonly string[]
  /** Pages that are not signed as they are published, and projects that have none. */
  readonly pages?: readonly (SignedPage | { readonly project: string })[]
  /** What else is listed anew. */
  readonly targets?: readonly TargetChange[]
}

/**
 * The signed side of what is published (design.md sections 3 and 7). The state is kept between publishes, so that one costs what
 * changed; where another process has published since, it is read again. Nothing is stored here: the publisher's transaction does.
 */
export class SignedRepository {
  readonly #parts: SignedRepositoryParts
  /** Whether versions are known to be above all that was ever published: only a restore makes them fall behind. */
  #raised = false
  #state: { readonly repository: RepositoryState; readonly checker: PublicationChecker } | undefined
  #signers: Promise<Signers> | undefined

  constructor(parts: SignedRepositoryParts) {
    this.#parts = parts
  }

  /**
   * Looks whether everything can be signed that has to be; sentences about key services that do not answer right now.
   * @throws IndexError `keys-unusable`, with what to do
   */
  async checkKeys(): Promise<readonly string[]> {
    return await this.#parts.checkKeys(await this.state())
  }

  /** Opens the keys now. @throws TrustError where one cannot be used, with what to do */
  async signers(): Promise<Signers> {
    // Known before they are opened: who takes them up is told by it when others take their place.
    await this.#current()
    this.#signers ??= this.#parts.openSigners().catch((error: unknown) => {
      this.#signers = undefined
      throw error
    })
    return await this.#signers
  }

  /** What a new snapshot with these pages, and these other targets, brings out. @throws TrustError */
  async planPages(
    pages: readonly SignedPage[],
    others: readonly TargetChange[],
    snapshot: number,
  ): Promise<CheckedPlan> {
    return await this.plan({ targets: [...pages.map(targetOf), ...others] }, snapshot)
  }

  /** Those bins of projects that cannot be signed again as they are stored: lost, or damaged. @throws TrustError `signer-failed` */
  async damagedBins(projects: Iterable<string>, snapshot: number): Promise<ReadonlySet<string>> {
    const { layout } = (await this.#current()).repository
    const damaged = new Set<string>()
    for (const bin of new Set([...projects].map((project) => binOfPage(layout, project)))) {
      const { problem } = await this.#planRoles([bin], snapshot)
      if (problem?.code === 'signer-failed') throw problem
      if (problem !== undefined) damaged.add(bin)
    }
    return damaged
  }

  /** What signs anew what a look at the repository found wrong. @throws TrustError */
  async planRepair({ pages = [], targets = [], ...changes }: SignedRepair, snapshot: number): Promise<CheckedPlan> {
    return await this.plan({ ...changes, targets: [...pages.map(targetOf), ...targets] }, snapshot)
  }

  /** What these changes bring out in a new snapshot. @throws TrustError */
  async plan(changes: PublishChanges, snapshot: number): Promise<CheckedPlan> {
    const { repository, checker } = await this.#current()
    // Its number was chosen on top of an earlier one.
    if (repository.snapshot.version >= snapshot) throw new Overtaken()
    const signers = await this.signers()
    const jump = await this.#raise()
    const raised = jump === undefined ? undefined : renumberBy(repository, jump)
    const renumber: PublishChanges['renumber'] = (role, version) =>
      changes.renumber?.(role, version) ?? raised?.(role, version)
    const effects = { snapshot, now: this.#parts.clock.now(), signers, load: this.load }
    const plan = await planPublish(repository, { ...changes, ...(raised && { renumber }) }, effects)
    return this.#check(plan, checker, await this.#standing(repository, plan))
  }

  /** What is due by the clock. A role that is damaged, and so cannot be signed again, does not let the timestamp expire. */
  async planRenewal(snapshot: number): Promise<Renewal | undefined> {
    const { repository, checker } = await this.#current()
    const now = this.#parts.clock.now()
    const due = dueRoles(repository, now)
    let problem: TrustError | undefined
    if (due.roles.length > 0) {
      const renewed = await this.#planRoles(due.roles, snapshot)
      if (renewed.plan !== undefined) return { plan: renewed.plan, snapshot: true, problem: renewed.problem }
      problem = renewed.problem
      if (!due.snapshot && !due.timestamp) throw problem
    }
    if (due.snapshot || (await this.#raise()) !== undefined) {
      return { plan: await this.plan({}, snapshot), snapshot: true, problem }
    }
    if (!due.timestamp) return undefined
    const plan = await planTimestamp(repository, { now, signers: await this.signers() })
    return { plan: this.#check(plan, checker), snapshot: false, problem }
  }

  /** Goes on from a plan whose files are out. */
  adopt({ state: repository, checked }: CheckedPlan): void {
    const checker = this.#state?.checker
    if (checker === undefined) return
    checker.adopt(checked)
    this.#raised = true
    this.#state = { repository, checker }
  }

  /** The repository as it is published. */
  async state(): Promise<RepositoryState> {
    return (await this.#current()).repository
  }

  /**
   * Verifies all that is published, every bin included, as a client would that had just been given the root. Bounded by what there
   * is: a second or two for 16,384 bins, and more where the database is another machine's. Once `ended`, it reads no further and says
   * nothing: the database closes next. @throws TrustError
   */
  async verifyWhole(ended: AbortSignal): Promise<void> {
    try {
      await this.#verifyWhole(ended)
    } catch (error) {
      if (!ended.aborted) throw error
    }
  }

  async #verifyWhole(ended: AbortSignal): Promise<void> {
    ended.throwIfAborted()
    const root = await this.load('root', 1)
    if (root === undefined) throw new TrustError('missing-role', 'The stored file 1.root.json is missing.')
    const now = this.#parts.clock.now()
    let files = 0
    const remote = this.#remoteOf(async (role, version) => {
      ended.throwIfAborted()
      files += 1
      // Requests come first: nobody waits for this.
      if (files % FILES_AT_A_TIME === 0) await setImmediate()
      return await this.load(role, version)
    })
    await PublicationChecker.open({ root, remote, now, whole: true })
  }

  async #current(): Promise<{ readonly repository: RepositoryState; readonly checker: PublicationChecker }> {
    const known = this.#state
    if (known !== undefined && (await this.#isNewest(known.repository))) return known
    const { repository, checker } = await this.#openBoth()
    // A ceremony of another process may have put other keys in the place of those that were opened.
    if (known !== undefined && haveOtherKeys(known.repository, repository)) this.#signers = undefined
    this.#state = { repository, checker }
    return this.#state
  }

  /** Nothing goes out that a client would refuse (design.md section 3, point 2). @throws TrustError */
  #check(plan: Plan, checker: PublicationChecker, standing: ReadonlyMap<string, Uint8Array> = new Map()): CheckedPlan {
    const roles = new Map([...standing, ...plan.files.map(({ role, bytes }) => [role, bytes] as const)])
    const [root, timestamp, snapshot] = ['root', 'timestamp', 'snapshot'].map((role) => {
      const bytes = roles.get(role)
      roles.delete(role)
      return bytes
    })
    if (timestamp === undefined) throw new Error('a plan without a timestamp')
    const publication = { ...(root === undefined ? {} : { roots: [root] }), timestamp, snapshot, roles }
    // Once a root has ended clients refuse everything until its holders sign; those who do not verify need not suffer for it.
    const clock = this.#parts.clock.now()
    const now = Math.min(clock, plan.state.root.signed.expires - 1)
    return { ...plan, checked: checker.check(publication, now, clock) }
  }

  /** Files that stay as they are, though other keys count for them now: clients verify them again, and so do we. */
  async #standing(before: RepositoryState, { files, state }: Plan): Promise<ReadonlyMap<string, Uint8Array>> {
    const standing = new Map<string, Uint8Array>()
    if (before.root === state.root && before.delegators === state.delegators) return standing
    const planned = new Set(files.map(({ role }) => role))
    for (const { role, version } of state.entries) {
      if (planned.has(role) || haveSameKeys(role, before, state)) continue
      const bytes = await this.load(role, version)
      if (bytes !== undefined) standing.set(role, bytes)
    }
    return standing
  }

  /** All of `roles`; else those of them that can be signed again, and why the others cannot. */
  async #planRoles(
    roles: readonly string[],
    snapshot: number,
  ): Promise<
    | { readonly plan: CheckedPlan; readonly problem?: TrustError }
    | { readonly plan?: undefined; readonly problem: TrustError }
  > {
    try {
      return { plan: await this.plan({ renew: roles }, snapshot) }
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      // A key that does not answer does so for none of them.
      if (error.code === 'signer-failed' || roles.length === 1) return { problem: error }
      const whole: string[] = []
      for (const role of roles) {
        if ((await this.#planRoles([role], snapshot)).plan !== undefined) whole.push(role)
      }
      return whole.length === 0
        ? { problem: error }
        : { plan: await this.plan({ renew: whole }, snapshot), problem: error }
    }
  }

  async #raise(): Promise<number | undefined> {
    return this.#raised ? undefined : await pendingRaise(this.#parts.store.db)
  }

  /** Repository and checker of one moment: where another process publishes between the two, both are opened again. */
  async #openBoth(): Promise<{ readonly repository: RepositoryState; readonly checker: PublicationChecker }> {
    for (;;) {
      const load = await this.#loadStanding()
      const { state: repository } = await this.#open(load)
      // What has expired while no server ran is about to be signed anew: that is no reason to refuse to.
      const root = repository.root.bytes
      const checker = await PublicationChecker.open({ root, remote: this.#remoteOf(load), now: 0, whole: false })
      if (await this.#isNewest(repository)) return { repository, checker }
    }
  }

  /** All files that stand now but bins, read at once: one by one they would be some eight hundred questions to the database. */
  async #loadStanding(): Promise<LoadRole> {
    const { store, table } = this.#parts
    let rows = store.db.selectFrom('tuf_file').select(['role', 'version', 'body']).where('superseded_at', 'is', null)
    for (const { bins } of table.succinct) rows = rows.where('role', 'not like', `${bins.namePrefix}-%`)
    const standing = new Map((await rows.execute()).map((row) => [row.role, row]))
    return async (role, version) => {
      const row = standing.get(role)
      return row?.version === version ? bytesOf(row) : await this.load(role, version)
    }
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

  async #open(load: LoadRole): Promise<OpenedRepository> {
    const { store, table } = this.#parts
    const current = store.db.selectFrom('tuf_file').where('superseded_at', 'is', null)
    return await openRepository(table, {
      load,
      timestamp: () => this.#timestamp(),
      expiries: async () => {
        const rows = await current.select(['role', 'version', 'expires_at']).execute()
        return new Map(rows.map((row) => [row.role, { version: row.version, expires: Date.parse(row.expires_at) }]))
      },
    })
  }

  #remoteOf(load: LoadRole): TrustRemote {
    return {
      metadata: async (name) => {
        if (name === 'timestamp.json') return await this.#timestamp()
        const [, version, role] = VERSIONED.exec(name) ?? []
        return role === undefined ? undefined : await load(decodeURIComponent(role), Number(version))
      },
      target: async () => undefined,
    }
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

/** Whether the same keys count for a role. */
function haveSameKeys(role: string, before: RepositoryState, after: RepositoryState): boolean {
  const keysIn = ({ root, layout, delegators }: RepositoryState): string => {
    const delegator = delegatorOf(layout, role)
    const trust =
      role === 'targets' ? topTrust(root.signed, role) : delegatedTrust(delegators.get(delegator ?? ''), role)
    return `${trust?.threshold} of ${trust?.keyids.join()}`
  }
  return keysIn(before) === keysIn(after)
}

/** Whether a role that says who signs is another one. */
function haveOtherKeys(before: RepositoryState, after: RepositoryState): boolean {
  if (before.root.signed.version !== after.root.signed.version) return true
  return [...after.delegators.keys()].some(
    (role) => before.entries.get(role)?.version !== after.entries.get(role)?.version,
  )
}

function targetOf(page: SignedPage | { readonly project: string }): TargetChange {
  const target = 'sha256' in page ? { length: page.length, sha256: page.sha256 } : undefined
  return { role: 'bins', path: pageTarget(page.project), target }
}

function bytesOf(row: { readonly body: string } | undefined): Uint8Array | undefined {
  return row === undefined ? undefined : Buffer.from(row.body)
}
