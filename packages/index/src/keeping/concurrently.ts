/**
 * What `work` makes of each item, in the items' order: `at` of them at work at once, `batch` in memory. The first failure
 * ends it, once those beside it have ended.
 */
export async function* concurrently<Item, Result>(
  items: AsyncIterable<Item>,
  { at, batch }: { readonly at: number; readonly batch: number },
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  let waiting: Item[] = []
  for await (const item of items) {
    waiting.push(item)
    if (waiting.length < batch) continue
    yield* await all(waiting, at, work)
    waiting = []
  }
  yield* await all(waiting, at, work)
}

async function all<Item, Result>(
  items: readonly Item[],
  at: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const queue = items.entries()
  const turn = async (): Promise<void> => {
    for (const [place, item] of queue) results[place] = await work(item)
  }
  const turns = await Promise.allSettled(Array.from({ length: at }, turn))
  for (const ended of turns) if (ended.status === 'rejected') throw ended.reason
  return results
}
