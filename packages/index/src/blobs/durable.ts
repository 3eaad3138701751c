import { open, type FileHandle } from 'node:fs/promises'
import { IndexError } from '../error.ts'

/** Makes what was created, renamed or removed in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Appends all of `bytes`. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

/** Hands on what `work` gives; a failure of the file system becomes IndexError `storage-failed`. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isSystemError(error) ? storageFailed(error) : error
  }
}

export function isMissing(error: unknown): boolean {
  return isSystemError(error) && error.code === 'ENOENT'
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'errno' in error
}

function storageFailed(error: NodeJS.ErrnoException): IndexError {
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT'
  const message = full ? 'There is no space left to store the file.' : 'The file could not be stored or read.'
  return new IndexError('storage-failed', message, { cause: error })
}
