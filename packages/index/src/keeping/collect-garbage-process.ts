import { join } from 'node:path'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { systemClock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { openStore } from '../store/store.ts'
import { onlyOfFolder, refuseOtherIndex } from './bound-folder.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { CollectionAnswer, CollectionOrder } from './collect-regularly.ts'

/** One collection for `collect-regularly.ts`: gets its order over the channel, answers, and ends. */
async function collect({ dataDir, database, retention, upstreams }: CollectionOrder): Promise<CollectionAnswer> {
  try {
    // The database may have been exchanged under the server that asks: another one's rows know none of these blobs.
    await using store = await openStore(database, { earlier: 'refuse', ...onlyOfFolder(dataDir) })
    await refuseOtherIndex(dataDir, store.db)
    const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
    const spoolDir = join(dataDir, 'spool')
    const parts = { store, blobs, clock: systemClock, spoolDir, policy: retention, upstreams }
    return { kind: 'collected', collection: await collectGarbage(parts) }
  } catch (error) {
    if (error instanceof IndexError && error.code === 'conflict') return { kind: 'busy' }
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

// When the server goes, this goes: stopping a collection at any moment loses nothing.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.once('message', (order: CollectionOrder) => void answer(order))

async function answer(order: CollectionOrder): Promise<void> {
  const collected = await collect(order)
  process.removeAllListeners('disconnect')
  process.send?.(collected, () => process.disconnect?.())
}
