import { link, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IndexError, isFull } from '../error.ts'
import { folderOwner, giveTo } from './folder-owner.ts'
import { partName } from './leftovers.ts'
import { makeFolders } from './make-folders.ts'

/** Makes what was created, renamed or removed in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Makes a folder, with those above it that are missing, so that it is still there after a power cut; gives back the first that
 * was made, undefined where it was there. Throws as `makeFolders`.
 */
export async function makeDurableFolders(path: string, mode: number): Promise<string | undefined> {
  const made = makeFolders(path, mode)
  if (made === undefined) return undefined
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder))
    if (folder === made) return made
  }
}

/** Appends all of `bytes`. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

/** Puts a small file in its place, whole and durable or not at all, for its folder's owner alone (style.md rule 8). */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await bringIn(path, bytes, rename)
}

/** As `writeWhole`, but a file that is there stays; of two that do this at once, one file is there for both. False: it was there. */
export async function writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await bringIn(path, bytes, async (part, whole) => {
      await link(part, whole)
      await rm(part)
    })
    return true
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') return false
    throw error
  }
}

async function bringIn(
  path: string,
  bytes: Uint8Array,
  place: (part: string, path: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path)
  const part = join(folder, partName())
  try {
    const handle = await open(part, 'wx', 0o600)
    try {
      await giveTo(await folderOwner(folder), handle)
      await writeAll(handle, bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await place(part, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/**
 * Hands on what `work` gives; a failure of the file system becomes IndexError `storage-full` or `storage-failed`, whose
 * message tells whoever runs the index which path it was (`path`, where the system does not say) and what to do.
 */
export async function onDisk<T>(work: () => Promise<T>, path?: string): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isSystemError(error) ? storageFailure(error, path) : error
  }
}

export function isMissing(error: unknown): boolean {
  return isSystemError(error) && error.code === 'ENOENT'
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'errno' in error
}

function storageFailure(error: NodeJS.ErrnoException, path: string | undefined): IndexError {
  const { code = 'unknown error' } = error
  const where = error.path ?? path ?? 'the data folder'
  if (isFull(error)) {
    const message = `There is no space left for ${where} (${code}). Free some space or inodes, or raise the quota; nothing needs to be restarted.`
    return new IndexError('storage-full', message, { cause: error })
  }
  return new IndexError('storage-failed', `${where} could not be written or read (${code}). ${remedy(code)}`, {
    cause: error,
  })
}

function remedy(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `Give the user that runs Waxseal (uid ${process.getuid?.() ?? 'unknown'}) access to it again; a running server needs no restart.`
    case 'EROFS':
      return 'Its file system is mounted read-only: mount it writable again, or serve with --read-only.'
    case 'EMFILE':
    case 'ENFILE':
      return 'Too many files are open: raise the limit (ulimit -n, LimitNOFILE).'
    default:
      return 'Look at the disk and its file system; a running server goes on by itself once it works again.'
  }
}
