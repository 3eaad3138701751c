import { open } from 'node:fs/promises'
import { GuardError, type GuardErrorCode } from '../error.ts'
import { MAX_FILE_BYTES } from './limits.ts'

/** The bytes of a file that the child will read; undefined where it cannot be read: the child says that better. */
export async function readBounded(path: string, code: GuardErrorCode): Promise<Buffer | undefined> {
  try {
    await using handle = await open(path)
    const stat = await handle.stat()
    if (!stat.isFile())
      throw new GuardError(code, `${path} is not a plain file: it cannot be checked before it is used.`)
    if (stat.size > MAX_FILE_BYTES) {
      throw new GuardError(
        code,
        `${path} has more than ${MAX_FILE_BYTES} bytes: it cannot be checked before it is used.`,
      )
    }
    return await handle.readFile()
  } catch (error) {
    if (error instanceof GuardError) throw error
    return undefined
  }
}
