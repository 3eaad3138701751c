import type { ExpressionBuilder } from 'kysely'
import { GARBAGE_BATCH } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/**
 * Deletes signed metadata that was superseded before `cutoff` (ISO 8601). Every root stays: a client that was away for years
 * follows them one by one (TUF specification 5.3.3). So does the newest version of each role, whatever its row says.
 */
export async function dropOldMetadata(
  store: Store,
  cutoff: string,
  { dryRun, held }: { readonly dryRun: boolean; readonly held?: AbortSignal | undefined },
): Promise<number> {
  const old = store.db.selectFrom('tuf_file').where('superseded_at', '<', cutoff).where(isReplaced)
  if (dryRun) {
    const { files } = await old.select(({ fn }) => fn.countAll<number>().as('files')).executeTakeFirstOrThrow()
    return files
  }
  held?.throwIfAborted()
  await store.transaction((tx) => tx.deleteFrom('target').where('superseded_at', '<', cutoff).execute())
  for (let deleted = 0; ;) {
    const some = await old.select('superseded_at').orderBy('superseded_at').limit(GARBAGE_BATCH).execute()
    const last = some.at(-1)?.superseded_at ?? undefined
    if (last === undefined) return deleted
    held?.throwIfAborted()
    // Nothing that is offered changes, so there is no journal row.
    const result = await store.transaction((tx) =>
      tx.deleteFrom('tuf_file').where('superseded_at', '<=', last).where(isReplaced).executeTakeFirst(),
    )
    deleted += Number(result.numDeletedRows)
  }
}

function isReplaced(eb: ExpressionBuilder<Database, 'tuf_file'>) {
  const newer = eb
    .selectFrom('tuf_file as newer')
    .select('newer.version')
    .whereRef('newer.role', '=', 'tuf_file.role')
    .whereRef('newer.version', '>', 'tuf_file.version')
  return eb.and([eb('role', '<>', 'root'), eb.exists(newer)])
}
