import type { Transaction } from 'kysely'
import type { Actor, Unnamed } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { DECISION_ROUNDS } from '../limits.ts'
import { approve, unapprove } from '../names/approving.ts'
import type { ApprovalRequest } from '../names/approving.ts'
import type { ClaimPolicy } from '../names/claim-policy.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'
import { deny, denyEverywhere, lift } from '../names/denying.ts'
import type { DenialSubject, DenialWords } from '../names/denying.ts'
import { listDenials } from '../names/list-denials.ts'
import type { KnownDenial } from '../names/list-denials.ts'
import { merge, unmerge } from '../names/merging.ts'
import type { MergeRequest } from '../names/merging.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import type { Publishing } from '../publish/leave-to-server.ts'
import { newestSnapshot } from '../publish/publisher.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { Holder } from '../register/holder.ts'
import type { Acting } from '../register/members.ts'
import { answerRequest } from '../requests/answering.ts'
import type { RequestAnswer } from '../requests/answering.ts'
import { askFor } from '../requests/asking.ts'
import type { Asked, Asking } from '../requests/asking.ts'
import { listRequests, readRequest, reviewRequest } from '../requests/reading.ts'
import type { KnownRequest, RequestFilter, ReviewedRequest } from '../requests/reading.ts'
import type { Database, ProjectStatus } from '../store/schema.ts'
import { isUniqueViolation } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import type { ClaimConsent } from './claim-name.ts'
import { claimName } from './claim-name.ts'
import type { ChangeOutcome } from './change-outcome.ts'
import { deleteFile, deleteProject, deleteRelease, setProjectStatus, unyankRelease, yankRelease } from './lifecycle.ts'
import { listFiles } from './list-files.ts'
import type { FileFilter, KnownFile } from './list-files.ts'
import { NamespaceManagement } from './namespace-management.ts'
import type { SearchResult } from './offers.ts'
import type { ClaimPreview } from './preview-claim.ts'
import { previewClaim } from './preview-claim.ts'
import { explainProject } from './read-project.ts'
import type { Explanation } from './read-project.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { FileChoice } from './release-files.ts'

export interface ManagementParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  /** How new names come to be. */
  readonly claims: ClaimPolicy
  readonly current: CurrentProjects
  readonly publisher: Publishing
  /** Which upstream has a name that nobody has decided about, asked of them in order. */
  readonly search: (project: string) => Promise<SearchResult>
}

/** Who approved which files of a name, and how many have to. */
export interface KnownApprovals {
  readonly needed: number
  readonly approvals: readonly {
    readonly sha256: string
    readonly filename: string
    readonly approver: string
    readonly at: string
  }[]
}

/** What administrators do to names and releases, the same for the API and the command line. */
export class Management {
  readonly #parts: ManagementParts
  readonly namespaces: NamespaceManagement

  constructor(parts: ManagementParts) {
    this.#parts = parts
    this.namespaces = new NamespaceManagement(parts)
  }

  get store(): Store {
    return this.#parts.store
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  async explain(project: string, version?: string): Promise<Explanation> {
    return explainProject(this.#parts, await this.#parts.current.get(project), version)
  }

  /** Every file that is known of a project; undefined when nothing is recorded about the name. */
  async files(project: string, filter?: FileFilter): Promise<readonly KnownFile[] | undefined> {
    const state = await this.#parts.current.get(project)
    const files = await listFiles(this.#parts, state, filter)
    return state.project === undefined && files.length === 0 ? undefined : files
  }

  /** What a claim would change, and for whom. */
  async previewClaim(project: string): Promise<ClaimPreview> {
    return await previewClaim(this.#parts, await this.explain(project))
  }

  claim(
    project: string,
    actor: Actor,
    options: { readonly owner?: Holder | undefined; readonly consent?: ClaimConsent | undefined } = {},
  ): Promise<ChangeOutcome> {
    return claimName(this.#parts, { project, actor, ...options })
  }

  setStatus(
    project: string,
    change: { readonly status: ProjectStatus; readonly reason?: string | undefined },
    acting: Acting,
  ): Promise<ChangeOutcome> {
    return setProjectStatus(this.store, this.clock, { project, ...change, ...acting })
  }

  yank(files: FileChoice, reason: string | undefined, acting: Acting): Promise<ChangeOutcome> {
    return yankRelease(this.store, this.clock, { ...files, reason, ...acting })
  }

  unyank(files: FileChoice, acting: Acting): Promise<ChangeOutcome> {
    return unyankRelease(this.store, this.clock, { ...files, ...acting })
  }

  deleteFile(project: string, filename: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteFile(this.store, this.clock, { project, filename, ...acting })
  }

  deleteRelease(project: string, version: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteRelease(this.store, this.clock, { project, version, ...acting })
  }

  deleteProject(project: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteProject(this.store, this.clock, { project, ...acting })
  }

  /** Quarantines or blocks a name, a release or a file. */
  deny(subject: DenialSubject, words: DenialWords, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => deny(tx, subject, words, by))
  }

  denyEverywhere(sha256: string, words: DenialWords, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => denyEverywhere(tx, sha256, words, by))
  }

  lift(n: number, reason: string, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => lift(tx, { n, reason }, by))
  }

  denials(project?: string): Promise<readonly KnownDenial[]> {
    return listDenials(this.store.db, this.clock.now(), project)
  }

  /** Approves files by their hashes; for a name that nobody has decided about, upstreams are asked first. */
  async approve(request: ApprovalRequest, actor: Actor): Promise<ChangeOutcome> {
    const { names, current } = this.#parts
    const found = await this.found(request.project)
    if (found?.kind === 'failed') {
      const { upstream, reason } = found
      return refuse(
        'upstream-unavailable',
        `Whose ${request.project} is cannot be decided: ${upstream} does not answer. ${reason}`,
      )
    }
    const outcome = await this.#decide(actor, (tx, by) =>
      approve(tx, request, by, names, found?.kind === 'found' ? found : undefined),
    )
    current.forget([request.project])
    return outcome
  }

  /** What upstreams say of a name that nobody has decided about, and what they list is known from then on; undefined for any other. */
  async found(project: string): Promise<SearchResult | undefined> {
    const { search, current } = this.#parts
    const { answer } = await current.get(project)
    return answer.kind === 'undecided' ? await search(project) : undefined
  }

  /** Asks those who decide for what is withheld. */
  ask(asking: Asking, actor: Actor | Unnamed): Promise<Asked | Refusal> {
    return this.#again((tx) => askFor(tx, asking, { at: isoTime(this.clock), actor }, this.#parts.names))
  }

  requests(filter: RequestFilter): Promise<readonly KnownRequest[]> {
    return listRequests(this.store.db, filter)
  }

  /** A request, held against what lies there now. */
  async request(id: number): Promise<ReviewedRequest | undefined> {
    const request = await readRequest(this.store.db, id)
    return request && (await reviewRequest(this.store.db, request, this.#parts.names, this.clock.now()))
  }

  /** Answers a request; of a name that nobody has decided about an approval asks upstreams first, as any does. */
  async answerRequest(id: number, answer: RequestAnswer, acting: Acting): ReturnType<typeof answerRequest> {
    const { names, current } = this.#parts
    const isApproval = answer.kind === 'approve' && acting.administrator
    const request = isApproval ? await readRequest(this.store.db, id) : undefined
    const found = request && (await this.found(request.project))
    const upstream = found?.kind === 'found' ? found : undefined
    const outcome = await this.#again((tx) =>
      answerRequest(tx, { id, answer }, { at: isoTime(this.clock), ...acting }, names, upstream),
    )
    if (request !== undefined) current.forget([request.project])
    return outcome
  }

  unapprove(request: ApprovalRequest, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => unapprove(tx, request, by))
  }

  async approvals(project: string): Promise<KnownApprovals> {
    const approvals = await this.store.db
      .selectFrom('approval')
      .select(['sha256', 'filename', 'approver', 'at'])
      .where('project', '=', project)
      .orderBy('filename')
      .orderBy('at')
      .execute()
    return { needed: (this.#parts.names.policy ?? OPEN_DEFAULT).approvals, approvals }
  }

  merge(request: MergeRequest, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => merge(tx, request, by, this.#parts.names))
  }

  unmerge(request: { readonly project: string; readonly reason: string }, actor: Actor): Promise<ChangeOutcome> {
    return this.#decide(actor, (tx, by) => unmerge(tx, request, by))
  }

  /** Two who decide at once may have taken the same number: the later one decides again. */
  async #decide(
    actor: Actor,
    work: (tx: Transaction<Database>, by: { readonly at: string; readonly actor: Actor }) => Promise<ChangeOutcome>,
  ): Promise<ChangeOutcome> {
    return this.#again((tx) => work(tx, { at: isoTime(this.clock), actor }))
  }

  async #again<T>(work: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
    for (let round = 1; ; round += 1) {
      try {
        return await this.store.transaction(work)
      } catch (error) {
        if (!isUniqueViolation(error) || round === DECISION_ROUNDS) throw error
      }
    }
  }

  /** Waits until every change made before this call is published; the number of the newest snapshot. */
  async settled(): Promise<number> {
    await this.#parts.publisher.publish()
    return newestSnapshot(this.store)
  }
}
