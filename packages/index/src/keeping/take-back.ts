import type { BlobStore } from '../blobs/blob-store.ts'
import { RETENTION_BATCH } from '../limits.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/**
 * Keeps what retention gave up and nobody could fetch again, where its bytes have not been swept yet: its upstream has
 * withdrawn it since, or is not among `answering` now. The number of files.
 */
export async function takeBack(
  { store, blobs }: { readonly store: Store; readonly blobs: BlobStore },
  answering: readonly string[],
  { dryRun, held }: { readonly dryRun: boolean; readonly held?: AbortSignal | undefined },
): Promise<number> {
  let files = 0
  for (let after = 0; ;) {
    const some = await givenUp(store, answering, after)
    for (const { id, sha256, size } of some) {
      held?.throwIfAborted()
      // A touch makes its mark void, so that it stays until its row says again that it is here.
      const there = await (dryRun ? blobs.head(sha256) : blobs.touch(sha256))
      if (there === undefined || (size !== null && there.size !== size)) continue
      files += 1
      if (dryRun) continue
      await store.transaction((tx) => tx.updateTable('file').set({ stored: 1 }).where('id', '=', id).execute())
    }
    const last = some.at(-1)
    if (last === undefined) return files
    after = last.id
  }
}

async function givenUp({ db }: Store, answering: readonly string[], after: number) {
  return await db
    .selectFrom('file')
    .innerJoin('garbage', 'garbage.sha256', 'file.sha256')
    .innerJoin('project', 'project.name', 'file.project')
    .select(['file.id', 'garbage.sha256', 'file.size'])
    .where('file.id', '>', after)
    .where('stored', '=', 0)
    .where('deleted_at', 'is', null)
    .where('source', '<>', LOCAL_SOURCE)
    // A name that is claimed here is not the upstream's business any more.
    .where('project.authority', '<>', 'internal')
    .where((eb) =>
      eb.or([
        eb('withdrawn_at', 'is not', null),
        ...(answering.length === 0 ? [eb.lit(true)] : [eb('source', 'not in', answering)]),
      ]),
    )
    .orderBy('file.id')
    .limit(RETENTION_BATCH)
    .execute()
}
