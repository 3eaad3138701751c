import type { Actor } from '../access/actor.ts'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { ClaimPolicy } from '../names/claim-policy.ts'
import { recordClaim } from '../names/claim.ts'
import { lookAtName } from '../names/name-objections.ts'
import type { NameObjection } from '../names/name-objections.ts'
import { appendJournal } from '../publish/journal.ts'
import { refuseUnknown } from '../register/change-members.ts'
import type { Holder } from '../register/holder.ts'
import type { Store } from '../store/store.ts'
import type { ChangeOutcome } from './change-outcome.ts'
import { checkClaimable } from './new-name.ts'
import { refuse } from './refusal.ts'

/** What claiming works with. */
export interface ClaimParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  readonly claims: ClaimPolicy
}

/** To what an administrator says yes although it is objected to. */
export interface ClaimConsent {
  readonly prohibited?: boolean | undefined
  readonly lookAlike?: boolean | undefined
}

/** An administrator's claim: recorded, and no upstream is asked (attacks.md DC-19). */
export function claimName(
  { store, clock, names, claims }: ClaimParts,
  {
    project,
    actor,
    owner,
    consent = {},
  }: {
    readonly project: string
    readonly actor: Actor
    /** Who owns it from now on; absent: nobody, and whoever may upload may upload to it. */
    readonly owner?: Holder | undefined
    readonly consent?: ClaimConsent | undefined
  },
): Promise<ChangeOutcome> {
  const nameless = checkClaimable(project)
  if (nameless !== undefined) return Promise.resolve(nameless)
  const at = isoTime(clock)
  return store.transaction(async (tx): Promise<ChangeOutcome> => {
    const row = await tx.selectFrom('project').select('authority').where('name', '=', project).executeTakeFirst()
    if (row?.authority === 'internal') return { kind: 'unchanged' }
    const nobody = owner && (await refuseUnknown(tx, owner))
    if (nobody !== undefined) return nobody
    const { objections, likes } = await lookAtName(tx, project, { namespaces: names.namespaces, corpus: claims.corpus })
    const open = objections.find((objection) => !isGiven(consent, objection))
    if (open !== undefined) {
      return refuse(open.code, `${open.message} To claim it all the same say so: ${consentWord(open)}.`)
    }
    const claim = { project, displayName: project, at, actor, by: 'administrator', evidence: [], owner, likes } as const
    await recordClaim(tx, claim)
    return { kind: 'done', seq: await appendJournal(tx, { project, action: 'create', at, actor: actor.name }) }
  })
}

function isGiven({ prohibited, lookAlike }: ClaimConsent, { code }: NameObjection): boolean {
  return (code === 'name-prohibited' ? prohibited : lookAlike) === true
}

function consentWord({ code }: NameObjection): string {
  return code === 'name-prohibited'
    ? '--prohibited, or "prohibited": true in the API'
    : '--look-alike, or "lookAlike": true in the API'
}
