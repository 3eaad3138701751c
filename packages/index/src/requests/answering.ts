import type { Transaction } from 'kysely'
import type { Acting } from '../register/members.ts'
import type { NamesConfig } from '../names/authority.ts'
import { countedApprovals, journalRecount } from '../names/approvals.ts'
import { approve } from '../names/approving.ts'
import type { FoundUpstream } from '../names/approving.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'
import { cleanReason } from '../releases/change-outcome.ts'
import type { ChangeOutcome } from '../releases/change-outcome.ts'
import type { WithheldCode } from '../releases/judge-files.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database, RequestState } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'
import { readRequest, reviewRequest } from './reading.ts'
import type { KnownRequest, ReviewedRequest } from './reading.ts'

export type RequestAnswer =
  /** Exactly these bytes, all of which were asked for (attacks.md APP-TOCTOU). */
  | { readonly kind: 'approve'; readonly sha256s: readonly string[]; readonly reason?: string | undefined }
  | { readonly kind: 'decline'; readonly reason?: string | undefined }
  /** By whoever asked. */
  | { readonly kind: 'withdraw' }

type AnswerOutcome = Exclude<ChangeOutcome, { readonly kind: 'done' }> | { readonly kind: 'done' }

/**
 * Answers an open request. Approved, it is so by exactly the hashes that were looked at; it stays open while more people have to approve.
 * Whoever asked is not one of those, where it takes more than one: see `countedApprovals` (attacks.md SELF-APPROVE).
 */
export async function answerRequest(
  tx: Transaction<Database>,
  { id, answer }: { readonly id: number; readonly answer: RequestAnswer },
  { at, actor, administrator }: Acting & { readonly at: string },
  names: NamesConfig,
  found?: FoundUpstream,
): Promise<AnswerOutcome> {
  const request = await readRequest(tx, id)
  const isTheirs = request !== undefined && request.askedBy === actor.name
  if (request === undefined || (!administrator && !isTheirs)) return refuse('not-found', `There is no request ${id}.`)
  if (!administrator && answer.kind !== 'withdraw') {
    return refuse('token-scope', 'Only an administrator of this index answers requests.')
  }
  if (request.state !== 'open') {
    return refuse('conflict', `Request ${id} is ${request.state} already${byWhom(request)}.`)
  }
  if (answer.kind === 'withdraw') {
    await journalRecount(tx, { ...request, at })
    return await close(tx, request, { state: 'withdrawn', reason: null, at, actor })
  }
  const reason = cleanReason(answer.reason)
  if (typeof reason === 'object' && reason !== null) return reason
  if (answer.kind === 'decline') {
    if (reason === null) return refuse('bad-request', 'It needs a reason: whoever asked is shown it.')
    return await close(tx, request, { state: 'declined', reason, at, actor })
  }
  const reviewed = await reviewRequest(tx, request, names, Date.parse(at))
  const wrong = refuseHashes(reviewed, answer.sha256s)
  if (wrong !== undefined) return wrong
  const { approvals } = names.policy ?? OPEN_DEFAULT
  const withheld = reviewed.files.filter(({ sha256, now }) => now === 'withheld' && answer.sha256s.includes(sha256))
  const closed = withheld.find(({ code }) => code === null || !OPENED_BY_APPROVAL.has(code))
  if (closed !== undefined) {
    return refuse('conflict', `An approval does not open ${closed.filename}. ${closed.reason ?? ''}`)
  }
  // What was given out meanwhile needs nobody any more.
  if (withheld.length === 0) return await close(tx, request, { state: 'approved', reason, at, actor })
  const sha256s = withheld.map(({ sha256 }) => sha256)
  const approval = { project: request.project, sha256s }
  const outcome = await approve(tx, approval, { at, actor }, names, found)
  if (outcome.kind === 'refused') return outcome
  // It stays open for the next who has to approve.
  const counted = await countedApprovals(tx, request.project, approvals)
  if (sha256s.some((sha256) => (counted.get(sha256)?.length ?? 0) < approvals)) return outcome
  await close(tx, request, { state: 'approved', reason, at, actor })
  return outcome.kind === 'unchanged' ? { kind: 'done' } : outcome
}

/** What withholds a file until people have approved its bytes. */
const OPENED_BY_APPROVAL: ReadonlySet<WithheldCode> = new Set(['file-unapproved', 'file-cooldown'])

function byWhom({ answeredBy, answer }: KnownRequest): string {
  return `${answeredBy === null ? '' : ` by ${answeredBy}`}${answer === null ? '' : ` (${answer})`}`
}

/** Nothing is approved where one of the hashes is not what was asked for, or not what lies there any more. */
function refuseHashes({ id, files }: ReviewedRequest, sha256s: readonly string[]): Refusal | undefined {
  if (sha256s.length === 0) return refuse('bad-request', 'Name the files that are approved, each by its sha256.')
  for (const sha256 of sha256s) {
    const file = files.find((one) => one.sha256 === sha256)
    if (file === undefined) return refuse('bad-request', `Request ${id} does not ask for the sha256 ${sha256}.`)
    if (file.now === 'replaced' || file.now === 'gone') {
      const what = file.now === 'gone' ? 'is not listed any more' : 'has other bytes now than were asked for'
      return refuse('conflict', `${file.filename} ${what}: look at it again.`)
    }
  }
  return undefined
}

interface Closing extends Pick<Acting, 'actor'> {
  readonly state: Exclude<RequestState, 'open'>
  readonly reason: string | null
  readonly at: string
}

async function close(
  tx: Transaction<Database>,
  { id, project, version }: KnownRequest,
  { state, reason, at, actor }: Closing,
): Promise<{ readonly kind: 'done' }> {
  await tx
    .updateTable('request')
    .set({ state, answer: reason, answered_by: actor.name, answered_at: at })
    .where('id', '=', id)
    .execute()
  const detail = { id, version, state, answer: reason }
  const before = { id, state: 'open' }
  await recordAction(tx, { kind: 'request-answered', at, by: actor, project, before, after: detail, detail })
  return { kind: 'done' }
}
