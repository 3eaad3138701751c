import { binsOf, chainOf, dueRoles, expiries, TrustError } from '@waxseal/trust'
import type { RepositoryState, TrustClient } from '@waxseal/trust'
import type { Clock } from '../clock.ts'
import { pendingRaise } from '../publish/pending-raise.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { SignedRepair, SignedRepository } from '../publish/signed-repository.ts'
import type { Findings, Repair } from './doctor-findings.ts'
import { pagesOf } from '../publish/published-pages.ts'
import type { PublishedPagesParts } from '../publish/published-pages.ts'
import { compareBin, differs, stateOf, unlistedPages } from './signed-pages.ts'
import { openStoredClient } from './stored-client.ts'

export interface SignedParts extends PublishedPagesParts {
  readonly clock: Clock
  /** Undefined while the index is not signed. */
  readonly signed: SignedRepository | undefined
  /** Signs again what is wrong, until `held` aborts; undefined: only look. */
  readonly repair: { readonly signing: Pick<Publisher, 'repair'>; readonly held: AbortSignal } | undefined
}

/**
 * Looks at a signed index as a client does: every role that the snapshot lists, verified by who delegates to it; every page
 * against the bin that lists it; and what has expired. The number of roles; 0 for an index that is not signed.
 */
export async function examineSigned(parts: SignedParts, findings: Findings): Promise<number> {
  const { store, signed } = parts
  if (signed === undefined) return 0
  if ((await pendingRaise(store.db)) !== undefined) {
    findings.add('signing-waiting', 'the whole index')
    return 0
  }
  try {
    const state = await signed.state()
    await examineVerified(parts, state, findings)
    await examineExpiries(parts, await signed.state(), findings)
    return state.entries.size
  } catch (error) {
    // Root, timestamp or snapshot: without them there is nothing to go by.
    if (!(error instanceof TrustError)) throw error
    findings.add('metadata-damaged', error.message, lost(parts))
    return 0
  }
}

async function examineVerified(parts: SignedParts, state: RepositoryState, findings: Findings): Promise<void> {
  const client = await openStoredClient(parts.store)
  try {
    await client.refresh()
  } catch (error) {
    // Nobody can look further; that it has expired is told with all that has.
    if (error instanceof TrustError && error.code === 'expired') return
    throw error
  }
  const suspects = await examineRoles(parts, state, client, findings)
  for (const project of suspects) await examinePage(parts, client, project, findings)
}

/** Every role of the table; the projects whose pages are to be looked at again. */
async function examineRoles(
  parts: SignedParts,
  state: RepositoryState,
  client: TrustClient,
  findings: Findings,
): Promise<readonly string[]> {
  const damaged = new Map<string, TrustError>()
  const suspects = new Set<string>()
  let same = 0
  for (const { role } of state.entries) {
    const chain = chainOf(state.layout, role)
    if (chain === undefined) continue
    try {
      const listed = await client.list(chain)
      if (binsOf(state.layout, role) === undefined) continue
      const compared = await compareBin(parts, listed)
      same += compared.same
      for (const project of compared.suspects) suspects.add(project)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      // Told with all that has expired.
      if (error.code !== 'expired') damaged.set(role, error)
    }
  }
  const { pages } = await parts.store.db
    .selectFrom('page')
    .select(({ fn }) => fn.countAll<number>().as('pages'))
    .executeTakeFirstOrThrow()
  if (same + suspects.size < pages) for (const project of await unlistedPages(parts, client)) suspects.add(project)
  await tellDamaged(parts, state, damaged, findings)
  return [...suspects]
}

async function tellDamaged(
  parts: SignedParts,
  state: RepositoryState,
  damaged: ReadonlyMap<string, TrustError>,
  findings: Findings,
): Promise<void> {
  const bins = new Set([...damaged.keys()].filter((role) => binsOf(state.layout, role) !== undefined))
  const repair =
    bins.size === 0
      ? undefined
      : await repairWith(parts, 'its pages were signed again', async () => ({
          afresh: [...bins],
          pages: await pagesOf(parts, state.layout, bins),
        }))
  for (const [role, error] of damaged) {
    const outcome = bins.has(role) ? repair && { repair } : lost(parts)
    findings.add('metadata-damaged', `${role}: ${error.message}`, outcome)
  }
}

/** What comes of a repair of what cannot be made again. */
function lost({ repair }: SignedParts): { readonly repair: Repair } | undefined {
  return repair && { repair: { done: false, how: 'only a backup has what it held' } }
}

async function examinePage(
  parts: SignedParts,
  client: TrustClient,
  project: string,
  findings: Findings,
): Promise<void> {
  const page = await stateOf(parts, client, project)
  if (page === undefined || !differs(page)) return
  const repair = await repairWith(parts, 'it was signed again', async () => ({
    pages: [page.published ?? { project }],
  }))
  const what = page.published === undefined ? `${project}, which has no page` : project
  findings.add('page-unsigned', what, repair && { repair })
}

async function examineExpiries(parts: SignedParts, state: RepositoryState, findings: Findings): Promise<void> {
  const now = parts.clock.now()
  const expired = expiries(state, now).filter(({ urgency }) => urgency === 'expired')
  const repair = expired.some(({ online }) => online)
    ? await repairWith(parts, 'it was signed again', async () => ({ renew: dueRoles(state, now, Infinity).roles }))
    : undefined
  for (const { role, expires, online } of expired) {
    const outcome = online ? repair : parts.repair && { done: false, how: 'people sign it, in a ceremony' }
    findings.add('metadata-expired', `${role}, at ${new Date(expires).toISOString()}`, outcome && { repair: outcome })
  }
}

/** Keys that are not here, or anything else that is damaged, keep one thing from being mended, not the others. */
async function repairWith(
  { repair }: SignedParts,
  done: string,
  what: () => Promise<SignedRepair>,
): Promise<Repair | undefined> {
  if (repair === undefined) return undefined
  repair.held.throwIfAborted()
  try {
    const snapshot = await repair.signing.repair(await what())
    return { done: true, how: `${done}, with snapshot ${snapshot}` }
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    return { done: false, how: error.message.replace(/\.$/, '') }
  }
}
