import type { ForeignVerifier } from '../../test/trust/foreign-verifiers.ts'
import type { Spent } from '../../test/trust/stopwatch.ts'
import type { Figure } from '../figure.ts'
import { median } from '../figure.ts'
import { clients, newFollower } from './clients.ts'
import type { SignedIndex } from './signed-index.ts'

const MAX_MS = 120
/** Whoever takes longer than this for a refresh is measured once. */
const ONCE_MS = 5000
/** Pages that one run of an installer asks for. */
const PROJECTS = 30

/** What is measured, in the order in which each client goes through it. */
const STEPS = ['first', 'lookups', 'same', 'next'] as const
type Step = (typeof STEPS)[number]
const WHAT: Readonly<Record<Step, string>> = {
  first: 'first refresh of a client',
  lookups: `look-ups of ${PROJECTS} pages after it, downloads of bins included`,
  same: 'refresh of a new process, nothing published since',
  next: 'refresh of a new process, one publish later',
}

/** Refreshes by processes that have just started (their start itself is not counted), each client in turn, round after round. */
export async function refreshes(index: SignedIndex, url: string, rounds: number): Promise<readonly Figure[]> {
  const measured = clients().map((client): Measured => ({ client, first: [], lookups: [], same: [], next: [] }))
  for (let round = 0; round < rounds; round += 1) {
    const chosen = measured.filter(({ first: [first] }) => first === undefined || first.ms < ONCE_MS)
    const followed = await Promise.all(
      chosen.map(async (of) => ({ of, follower: await newFollower(of.client, index) })),
    )
    const paths = index.sample(PROJECTS)
    for (const { of, follower } of followed) {
      const { spent } = await follower.follow(url, paths)
      of.first.push(spent.refresh)
      of.lookups.push(spent.lookups)
    }
    for (const { of, follower } of followed) of.same.push((await follower.follow(url, [])).spent.refresh)
    await index.publish(1)
    for (const { of, follower } of followed) of.next.push((await follower.follow(url, [])).spent.refresh)
  }
  const [ours, ...others] = measured
  if (ours === undefined) return []
  return STEPS.map((step) => {
    const ms = median(ours[step].map((spent) => spent.ms))
    return {
      what: `${WHAT[step]}, ${index.targets.toLocaleString('en')} targets in ${index.bins.toLocaleString('en')} bins`,
      ours: describe(ours[step]),
      beside: others.map((other) => `${other.client.name}: ${describe(other[step])}`).join('; '),
      ...(step === 'first' ? { bar: `≤ ${MAX_MS} ms`, met: ms <= MAX_MS } : {}),
    }
  })
}

type Measured = Readonly<Record<Step, Spent[]>> & { readonly client: ForeignVerifier }

function describe(spent: readonly Spent[]): string {
  return `${median(spent.map(({ ms }) => ms)).toFixed(0)} ms (CPU ${median(spent.map(({ cpu_ms: cpu }) => cpu)).toFixed(0)})`
}
