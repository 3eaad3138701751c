import type { Clock } from '../clock.ts'
import { isOwnFailure } from '../error.ts'
import { HASHING_WAIT_MS, STALE_PAGE_WAIT_MS, STORAGE_PAUSE_MAX_MS, STORAGE_PAUSE_MS } from '../limits.ts'
import type { UpstreamPresence } from '../names/claim.ts'
import { standingDenialOfName } from '../names/denials.ts'
import { upstreamOf } from '../names/merge-rule.ts'
import type { NameAnswer, NamesConfig } from '../names/authority.ts'
import type { CurrentProjects, ProjectState } from '../publish/current-projects.ts'
import { Circuit } from '../upstream/circuit.ts'
import type { CircuitPass } from '../upstream/circuit.ts'
import type { NegativeCache } from '../upstream/negative-cache.ts'
import { withDeadline } from '../with-deadline.ts'
import type { Refresh, RefreshOutcome } from './refresh.ts'
import type { Unasked } from './unasked.ts'

/** What a name's page is, after asking whoever has to be asked. */
export type Offer = Answered & {
  /** Absent: from what is known here, without asking anybody. */
  readonly from?: 'refreshed' | 'stale' | 'negative'
}

type Answered =
  | { readonly kind: 'page'; readonly state: ProjectState }
  /** Registered here or covered by a prefix, with nothing to offer: 200 with no files, never 404 (DC-16). */
  | { readonly kind: 'empty'; readonly reason: string }
  | { readonly kind: 'unknown' }
  /** No answer can be given truthfully now: 503, never an empty page (behaviour.md 7.3.16). */
  | {
      readonly kind: 'unavailable'
      readonly upstream: string
      readonly reason: string
      readonly retryAfterMs?: number
      readonly unasked?: Unasked
    }

/** Which upstream has an undecided name: the first in order, while all before it said no (design.md section 8). */
export type SearchResult = Asked &
  (
    | { readonly kind: 'found'; readonly upstream: string; readonly evidence: readonly string[] }
    | { readonly kind: 'absent'; readonly evidence: readonly string[] }
    | {
        readonly kind: 'failed'
        readonly upstream: string
        readonly reason: string
        readonly retryAfterMs?: number
        readonly unasked?: Unasked
        /** Our own failure, to be thrown by whoever has nothing to serve instead. */
        readonly trouble?: unknown
      }
  )

/** True: somebody was asked; else it was remembered. */
interface Asked {
  readonly asked?: boolean
}

/** What is given out where an upstream's answer could not be taken over. */
type Instead = 'page' | 'nothing'

export interface OffersParts {
  readonly clock: Clock
  readonly names: NamesConfig
  readonly current: CurrentProjects
  readonly refresh: Refresh
  readonly absent: ReadonlyMap<string, NegativeCache>
  /** For how long a good answer of this upstream is current, in milliseconds. */
  readonly freshFor: (upstream: string) => number
  /** Set where no upstream is asked, whatever is asked of us. */
  readonly unasked?: Unasked
  /** Our own disk or database failed while a page from before could be served. */
  readonly onBackgroundFailure: (error: unknown) => void
}

/** The read side's one question, `what is offered under this name?`, upstreams asked only where they may answer. */
export class Offers {
  readonly #parts: OffersParts
  /** Whether taking over what upstreams say works: while the disk is full or the database locked, no page that is shown waits for it. */
  readonly #takingOver: Circuit
  readonly #watched = new WeakSet<Promise<RefreshOutcome>>()
  #trouble: unknown

  constructor(parts: OffersParts) {
    this.#parts = parts
    const pause = { failures: 1, minOpenMs: STORAGE_PAUSE_MS, maxOpenMs: STORAGE_PAUSE_MAX_MS }
    this.#takingOver = new Circuit(parts.clock, pause)
  }

  /** Answers at once, without a promise, when the published state is current and nobody need be asked: the warm path. */
  of(name: string): Offer | Promise<Offer> {
    const state = this.#parts.current.get(name)
    if (state instanceof Promise) return state.then((read) => this.#offer(read))
    return this.#warm(state) ?? this.#offer(state)
  }

  #warm(state: ProjectState): Offer | undefined {
    if (state.answer.kind === 'internal') return this.#published(state)
    const upstream = askedUpstream(state.answer)
    if (upstream === undefined) return undefined
    const asksNobody = this.#parts.unasked !== undefined || this.#isFresh(state, upstream)
    return asksNobody ? this.#published(state) : undefined
  }

  async #offer(state: ProjectState): Promise<Offer> {
    // Closed here, whoever answers for it: what an upstream says changes nothing (attacks.md 6.5 rows 27 and 28).
    if (standingDenialOfName(state.offering.denials, this.#parts.clock.now()) !== undefined) {
      return this.#published(state) ?? { kind: 'empty', reason: 'This name is quarantined.' }
    }
    switch (state.answer.kind) {
      case 'internal':
        return this.#published(state) ?? { kind: 'empty', reason: 'This name is registered here and has no files.' }
      case 'reserved':
        return {
          kind: 'empty',
          reason: `Names under ${state.answer.prefix} are answered by this index only, and nobody uploaded this one.`,
        }
      case 'refused':
        return {
          kind: 'empty',
          reason: `Nobody has approved ${state.name} for this index, and no upstream is asked for it.`,
        }
      case 'upstream':
      case 'merged': {
        const upstream = askedUpstream(state.answer)
        const outcome = await this.#fresh(state, upstream, 'page')
        return this.#afterRefresh(state.name, upstream, outcome)
      }
      case 'undecided':
        return this.#undecided(state)
    }
  }

  /** Asks every upstream in order, for whoever gets nothing else; names under a prefix are never asked for (DC-19). */
  search(name: string): Promise<SearchResult> {
    return this.#search(name, 'nothing')
  }

  /** What one upstream says of a name that is its own, for whoever gets nothing else. */
  ask(state: ProjectState, upstream: string): Promise<RefreshOutcome> {
    return this.#fresh(state, upstream, 'nothing')
  }

  async #search(name: string, instead: Instead): Promise<SearchResult> {
    const evidence: string[] = []
    let asked = false
    if (this.#parts.names.namespaces.covering(name) !== undefined) return { kind: 'absent', evidence }
    for (const upstream of this.#parts.names.upstreams) {
      const state = await this.#parts.current.get(name)
      const outcome = await this.#fresh(state, upstream, instead)
      if (outcome.kind === 'failed') return { ...outcome, upstream }
      asked ||= outcome.asked === true
      if (outcome.kind === 'found') {
        return { kind: 'found', upstream, evidence: [...evidence, `${upstream}: has it`], asked }
      }
      evidence.push(`${upstream}: 404`)
    }
    return { kind: 'absent', evidence, asked }
  }

  /** Whether a name that is about to be claimed exists elsewhere. */
  async presence(name: string): Promise<UpstreamPresence> {
    const result = await this.search(name)
    switch (result.kind) {
      case 'found':
        return { kind: 'present', upstream: result.upstream }
      case 'absent':
        return result
      case 'failed':
        if (result.trouble !== undefined) throw result.trouble
        return { ...result, kind: 'unknown' }
    }
  }

  async #undecided(state: ProjectState): Promise<Offer> {
    const { name, project } = state
    // Closed here: nobody need be asked, and no answer of an upstream may turn it into a 404 (attacks.md 6.5 row 27).
    if (project?.status === 'quarantined') {
      return this.#published(state) ?? { kind: 'empty', reason: 'This name is quarantined.' }
    }
    const result = await this.#search(name, 'page')
    const now = await this.#parts.current.get(name)
    switch (result.kind) {
      case 'found':
        return this.#published(now, result.asked === true ? 'refreshed' : undefined) ?? { kind: 'unknown' }
      case 'absent':
        return asFromMemory(result) ? { kind: 'unknown', from: 'negative' } : { kind: 'unknown' }
      case 'failed':
        // What was shown before may be shown again while its upstream does not answer; nothing is decided by it.
        return (now.project?.upstream ? this.#published(now, 'stale') : undefined) ?? { ...result, kind: 'unavailable' }
    }
  }

  async #afterRefresh(name: string, upstream: string, outcome: RefreshOutcome & Asked): Promise<Offer> {
    const now = await this.#parts.current.get(name)
    const from = outcome.kind === 'failed' ? 'stale' : outcome.asked === true ? 'refreshed' : undefined
    const page = this.#published(now, from)
    if (page !== undefined) return page
    if (outcome.kind === 'failed') return { ...outcome, kind: 'unavailable', upstream }
    return { kind: 'empty', reason: `This name belongs to the upstream ${upstream}, which does not offer it any more.` }
  }

  #published(state: ProjectState, from?: Offer['from']): Offer | undefined {
    if (state.page === undefined) return undefined
    return from === undefined ? { kind: 'page', state } : { kind: 'page', state, from }
  }

  #isFresh(state: ProjectState, upstream: string): boolean {
    const checkedAt = state.checkedAt.get(upstream)
    // What an upstream said of a name that is shown from another one is not what stands on the page.
    if (checkedAt === undefined || !state.offering.sources.includes(upstream)) return false
    const age = this.#parts.clock.now() - checkedAt
    // A clock that was set back makes the answer look like it comes from the future: ask again.
    return age >= 0 && age < this.#parts.freshFor(upstream)
  }

  /** One upstream's word on one name, from memory while it is current. */
  async #fresh(state: ProjectState, upstream: string, instead: Instead): Promise<RefreshOutcome & Asked> {
    const { absent, refresh } = this.#parts
    if (absent.get(upstream)?.has(state.name)) return { kind: 'absent' }
    // A listing whose first page is not out yet is somebody's unfinished refresh: wait for it, or finish it.
    if (state.page !== undefined && this.#isFresh(state, upstream)) return { kind: 'found' }
    // Served stale, a name must not be decided by it: `failed` keeps the search from going on to the next upstream.
    const servable = state.page !== undefined && state.checkedAt.has(upstream)
    const outcome = servable
      ? await this.#refreshed(state.name, upstream, instead)
      : await refresh.page(state.name, upstream)
    if (outcome.kind === 'found' && outcome.hashing !== undefined) {
      await withDeadline(outcome.hashing, HASHING_WAIT_MS, () => undefined)
    }
    return { ...outcome, asked: true }
  }

  /** As `Refresh.page`, for a name whose page from before can be served: bounded in time, and no fault of ours hides it. */
  async #refreshed(name: string, upstream: string, instead: Instead): Promise<RefreshOutcome> {
    const leave = this.#takingOver.enter()
    // What failed for others a moment ago would refuse those who get nothing else, though the fault may be over.
    if (leave.open && instead === 'page') return { kind: 'failed', reason: NOT_TAKEN_OVER, trouble: this.#trouble }
    const refreshed = this.#parts.refresh.page(name, upstream)
    this.#watch(refreshed, leave.open ? undefined : leave.pass)
    return withDeadline(
      refreshed.catch((trouble: unknown) => ({ kind: 'failed', reason: NOT_TAKEN_OVER, trouble }) as const),
      STALE_PAGE_WAIT_MS,
      () => TOO_LONG,
    )
  }

  /** Many may wait for one refresh; its failure is told once. */
  #watch(refreshed: Promise<RefreshOutcome>, pass: CircuitPass | undefined): void {
    const told = this.#watched.has(refreshed)
    this.#watched.add(refreshed)
    refreshed.then(
      // An upstream's failure says nothing about our disk.
      (outcome) => (outcome.kind === 'failed' ? pass?.released() : pass?.succeeded()),
      (error: unknown) => {
        this.#trouble = error
        if (isOwnFailure(error)) pass?.failed()
        else pass?.released()
        if (!told) this.#parts.onBackgroundFailure(error)
      },
    )
  }
}

const TOO_LONG = {
  kind: 'failed',
  reason: 'Asking it, or taking over what it said, takes too long.',
  retryAfterMs: STALE_PAGE_WAIT_MS,
} as const
const NOT_TAKEN_OVER = 'This index could not take over what it said.'
/** Whether upstreams had said so before, and none was asked again. */
function asFromMemory({ asked, evidence }: Extract<SearchResult, { readonly kind: 'absent' }>): boolean {
  return asked === false && evidence.length > 0
}

/** The upstream whose word the page of a decided name depends on. */
function askedUpstream(answer: Extract<NameAnswer, { kind: 'upstream' | 'merged' }>): string
function askedUpstream(answer: NameAnswer): string | undefined
function askedUpstream(answer: NameAnswer): string | undefined {
  if (answer.kind === 'upstream') return answer.upstream
  return answer.kind === 'merged' ? upstreamOf(answer.merge) : undefined
}
