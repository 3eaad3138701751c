import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { onDisk } from '../blobs/durable.ts'
import { makeFile } from '../blobs/folder-owner.ts'
import { IndexError } from '../error.ts'
import { CEREMONY_TURN_MS, LEASE_POLL_MS } from '../limits.ts'
import { holdFile } from '../store/sqlite-lock.ts'

/** It stays: whoever took it away would let two in. */
const LOCK = '.ceremony.lock'

/**
 * Waits until nobody else changes a ceremony of the index in this data folder, or signs it for the first time, and keeps others
 * from it until disposed of. The lock is the system's: it goes with the process, whatever ends that.
 * @throws IndexError `conflict` where that takes too long
 */
export async function ceremonyTurn(dataDir: string): Promise<Disposable> {
  const path = join(dataDir, LOCK)
  await onDisk(() => makeFile(path))
  // Root would lock what the folder's owner laid there a link to.
  if (!(await onDisk(() => lstat(path))).isFile()) {
    throw new IndexError('storage-failed', `${path} is no regular file, and nothing was changed. Remove it.`)
  }
  const since = performance.now()
  for (;;) {
    const held = holdFile(path)
    if (held !== undefined) return held
    if (performance.now() - since > CEREMONY_TURN_MS) {
      const message = `Another command is at work on a ceremony of this index, for ${CEREMONY_TURN_MS / 1000} seconds already; nothing was changed. Try again.`
      throw new IndexError('conflict', message)
    }
    // No other process is told of it when a lock goes.
    await delay(LEASE_POLL_MS)
  }
}
