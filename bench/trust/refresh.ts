import type { Spent } from '../../test/trust/stopwatch.ts'
import type { Figure } from '../figure.ts'
import { median } from '../figure.ts'
import { clients, newFollower } from './clients.ts'
import type { SignedIndex } from './signed-index.ts'

const MAX_MS = 120
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
  const measured = clients().map(({ name }) => ({ name, first: [], lookups: [], same: [], next: [] }) as Measured)
  for (let round = 0; round < rounds; round += 1) {
    const followers = await Promise.all(clients().map((client) => newFollower(client, index)))
    const paths = index.sample(PROJECTS)
    for (const [at, follower] of followers.entries()) {
      const { spent } = await follower.follow(url, paths)
      measured[at]?.first.push(spent.refresh)
      measured[at]?.lookups.push(spent.lookups)
    }
    for (const [at, follower] of followers.entries()) {
      measured[at]?.same.push((await follower.follow(url, [])).spent.refresh)
    }
    await index.publish(1)
    for (const [at, follower] of followers.entries()) {
      measured[at]?.next.push((await follower.follow(url, [])).spent.refresh)
    }
  }
  const [ours, ...others] = measured
  if (ours === undefined) return []
  return STEPS.map((step) => {
    const ms = median(ours[step].map((spent) => spent.ms))
    return {
      what: `${WHAT[step]}, ${index.targets.toLocaleString('en')} targets in ${index.bins.toLocaleString('en')} bins`,
      ours: describe(ours[step]),
      beside: others.map((other) => `${other.name}: ${describe(other[step])}`).join('; '),
      ...(step === 'first' ? { bar: `≤ ${MAX_MS} ms`, met: ms <= MAX_MS } : {}),
    }
  })
}

type Measured = Readonly<Record<Step, Spent[]>> & { readonly name: string }

function describe(spent: readonly Spent[]): string {
  return `${median(spent.map(({ ms }) => ms)).toFixed(0)} ms (CPU ${median(spent.map(({ cpu_ms: cpu }) => cpu)).toFixed(0)})`
}
