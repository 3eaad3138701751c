import { randomUUID } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Puts a small file in its place, whole and durable or not at all, readable for its owner alone: temporary name, synced,
 * renamed, folder synced. Written by root it belongs to its folder's owner, as everything that commands make does: the server
 * runs as that user. (The index has its own such function; this package stands below it.)
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const part = join(folder, `.${randomUUID()}.part`)
  try {
    const handle = await open(part, 'wx', 0o600)
    try {
      if (process.geteuid?.() === 0) {
        const { uid, gid } = await stat(folder)
        await handle.chown(uid, gid)
      }
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
