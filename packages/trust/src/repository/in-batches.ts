import { ROLES_AT_A_TIME } from '../limits.ts'

/** Does `work` for each item, a bounded number at a time; the results in order. */
export async function inBatches<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const all = [...items]
  const results: R[] = []
  for (let at = 0; at < all.length; at += ROLES_AT_A_TIME) {
    results.push(...(await Promise.all(all.slice(at, at + ROLES_AT_A_TIME).map(work))))
  }
  return results
}
