import { GARBAGE_BATCH } from '../limits.ts'
import type { Store } from '../store/store.ts'

/** Forgets pages that were replaced before `cutoff` (ISO 8601); their bytes go when nothing else refers to them. */
export async function dropOldPages(
  store: Store,
  cutoff: string,
  { dryRun, held }: { readonly dryRun: boolean; readonly held?: AbortSignal | undefined },
): Promise<number> {
  const old = store.db.selectFrom('superseded_page').where('superseded_at', '<', cutoff)
  if (dryRun) {
    const { pages } = await old.select(({ fn }) => fn.countAll<number>().as('pages')).executeTakeFirstOrThrow()
    return pages
  }
  for (let deleted = 0; ;) {
    const some = await old.select('superseded_at').orderBy('superseded_at').limit(GARBAGE_BATCH).execute()
    const last = some.at(-1)
    if (last === undefined) return deleted
    held?.throwIfAborted()
    // Nothing that is offered changes, so there is no journal row.
    const result = await store.transaction((tx) =>
      tx.deleteFrom('superseded_page').where('superseded_at', '<=', last.superseded_at).executeTakeFirst(),
    )
    deleted += Number(result.numDeletedRows)
  }
}
