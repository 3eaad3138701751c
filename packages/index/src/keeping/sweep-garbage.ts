import type { BlobStore } from '../blobs/blob-store.ts'
import { GARBAGE_BATCH } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Amount, Condemned } from './mark-garbage.ts'
import { amountOf } from './mark-garbage.ts'
import { stillReferenced } from './referenced-blobs.ts'

/**
 * Deletes what was condemned and forgets its marks; what was deleted. Whoever refers to a blob since all references were
 * looked at has touched it first, and a touch keeps it; servers of an earlier version, beside this one in a rolling
 * upgrade, may not have. So every column that names blobs is looked at again right before each batch, and the one that
 * names files, which has an index, once more when nobody can find the blob any longer.
 */
export async function sweepGarbage(
  { store, blobs }: { readonly store: Store; readonly blobs: BlobStore },
  condemned: readonly Condemned[],
  held?: AbortSignal,
): Promise<Amount> {
  const swept: Condemned[] = []
  for (let at = 0; at < condemned.length; at += GARBAGE_BATCH) {
    const batch = condemned.slice(at, at + GARBAGE_BATCH)
    const digests = batch.map(({ sha256 }) => sha256)
    const needed = await stillReferenced(store, digests)
    for (const blob of batch) {
      held?.throwIfAborted()
      const { sha256, touched } = blob
      if (needed.has(sha256)) continue
      if (await blobs.deleteUntouched(sha256, touched, async () => !(await isStoredFile(store, sha256))))
        swept.push(blob)
    }
    await store.transaction((tx) => tx.deleteFrom('garbage').where('sha256', 'in', digests).execute())
  }
  return amountOf(swept)
}

async function isStoredFile({ db }: Store, sha256: string): Promise<boolean> {
  const file = await db
    .selectFrom('file')
    .select('id')
    .where('sha256', '=', sha256)
    .where('stored', '=', 1)
    .where('deleted_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return file !== undefined
}
