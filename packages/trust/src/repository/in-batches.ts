import { ROLES_AT_A_TIME } from '../limits.ts'

/** Does `work` for each item, a bounded number at a time; the results in order. Once it throws, none of it is going on. */
export async function inBatches<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const all = [...items]
  const results: R[] = []
  for (let at = 0; at < all.length; at += ROLES_AT_A_TIME) {
    for (const outcome of await Promise.allSettled(all.slice(at, at + ROLES_AT_A_TIME).map(work))) {
      if (outcome.status === 'rejected') throw outcome.reason
      results.push(outcome.value)
    }
  }
  return results
}
