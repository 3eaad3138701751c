import { randomUUID } from 'node:crypto'
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
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

/** As `writeWhole`, but a file that is there stays; of two that do this at once, one file is there for both. False: it was there. */
export async function writeNew(path: string, bytes: Uint8Array, options: WriteOptions): Promise<boolean> {
  const part = await writePart(dirname(path), bytes, options)
  try {
    await placeNew(part, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(part, { force: true })
  }
  await syncFolder(dirname(path))
  return true
}

async function placeNew(part: string, path: string): Promise<void> {
  try {
    await link(part, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw error
    // The file systems of most memory sticks have no hard links: the name is taken first, for what is whole to replace.
    await (await open(path, 'wx')).close()
    await rename(part, path)
  }
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

const PART = /^\.[\da-f-]{36}\.part$/

/** The files that are being written in a folder, or were by a process that died: their paths. */
export async function partsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder)
  return names.filter((name) => PART.test(name)).map((name) => join(folder, name))
}

/** Removes the parts in a folder: for whoever knows that nobody else is writing there now. */
export async function sweepParts(folder: string): Promise<void> {
  for (const part of await partsIn(folder)) await rm(part, { force: true })
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
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
