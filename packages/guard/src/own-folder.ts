import { lstat, mkdir } from 'node:fs/promises'
import { GuardError } from './error.ts'
import type { GuardErrorCode } from './error.ts'

/** Bits that let others write. */
const WRITABLE_BY_OTHERS = 0o022

/**
 * Makes a folder, for its owner alone, or looks whether one that is there belongs to this user and to nobody else: what others can
 * write to, or a link that leads elsewhere, is not used (attacks.md CLI-4).
 * @throws GuardError with `code`
 */
export async function ownFolder(path: string, code: GuardErrorCode): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new GuardError(code, `${path} cannot be made (${reasonOf(cause)}).`, { cause })
  }
  const found = await lstat(path)
  if (!found.isDirectory())
    throw new GuardError(code, `${path} is a link, or no folder: remove it; nothing of it is used.`)
  // Windows has neither: there the user's profile is protected as a whole.
  if (process.getuid === undefined) return
  if (found.uid !== process.getuid()) {
    throw new GuardError(
      code,
      `${path} belongs to another user: remove it, or set another place; nothing of it is used.`,
    )
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new GuardError(code, `Others may write to ${path}: chmod go-w ${path}, after a look at what is in it.`)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
