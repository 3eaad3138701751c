import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Who may read a file that is written. */
export interface WriteOptions {
  /** Permission bits. */
  readonly mode: number
  /** Written by root it belongs to its folder's owner: the server that reads what commands make runs as that user. */
  readonly giveToFolderOwner?: boolean
}

/**
 * Puts a small file in its place, whole and durable or not at all: temporary name, synced, renamed, folder synced. (The index has its
 * own such function; this package stands below it.) A system's error is thrown as it is.
 */
export async function writeWhole(path: string, bytes: Uint8Array, options: WriteOptions): Promise<void> {
  const part = await writePart(dirname(path), bytes, options)
  try {
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** Writes a file, synced, under a name that nobody reads; its path, for a rename. Nothing of it is left where that fails. */
export async function writePart(folder: string, bytes: Uint8Array, options: WriteOptions): Promise<string> {
  const part = join(folder, `.${randomUUID()}.part`)
  try {
    const handle = await open(part, 'wx', options.mode)
    try {
      if (options.giveToFolderOwner === true && process.geteuid?.() === 0) {
        const { uid, gid } = await stat(folder)
        await handle.chown(uid, gid)
      }
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return part
}

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A file's bytes; undefined where there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
