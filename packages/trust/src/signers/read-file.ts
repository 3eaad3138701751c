import { open } from 'node:fs/promises'
import { TrustError } from '../error.ts'

/** A file that was read, and who may read it: its permission bits. */
export interface ReadFile {
  readonly bytes: Uint8Array
  readonly mode: number
}

/** Reads all of a small file. `what` says in messages what it is: `the key file`. @throws TrustError `signer-failed` */
export async function readSmallFile(path: string, limit: number, what: string): Promise<ReadFile> {
  try {
    const handle = await open(path, 'r')
    try {
      const { mode } = await handle.stat()
      const bytes = Buffer.alloc(limit + 1)
      let length = 0
      // A pipe or device has no size that could be asked for, and may give less than was asked for.
      for (;;) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
        length += bytesRead
        if (bytesRead === 0 || length > limit) break
      }
      if (length > limit) {
        throw new TrustError('signer-failed', `${what} ${path} is larger than ${limit} bytes: it is something else.`)
      }
      return { bytes: bytes.subarray(0, length), mode }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof TrustError) throw error
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    const message = `${what} ${path} cannot be read (${reason}). Check the path, and that this user may read it.`
    throw new TrustError('signer-failed', message, { cause: error })
  }
}
