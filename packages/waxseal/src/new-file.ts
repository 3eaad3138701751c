import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { CommandError } from './command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from './exit-codes.ts'
import { writeWhole } from './write-file.ts'

/**
 * Looks whether a new file can be put here, before anything is done that it shall tell of. What is there may be the only copy of a
 * key; a link to nowhere counts as there. @throws CommandError `occupied`, `cannot-write`
 */
export function requireNewFile(path: string): void {
  const folder = dirname(path)
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new CommandError('occupied', `${path} is there already: name another file.`, EXIT_REFUSED)
    }
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw cannotWrite(`${path} cannot be written: there is no folder ${folder}.`)
    }
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw cannotWrite(`${path} cannot be written: ${reasonOf(error)}.`, error)
  }
}

/** Writes a file that was asked for by its name. @throws CommandError `cannot-write` */
export function writeAsked(path: string, text: string, mode: number): void {
  try {
    writeWhole(path, text, { mode })
  } catch (error) {
    throw cannotWrite(`${path} cannot be written: ${reasonOf(error)}.`, error)
  }
}

/** What the system said, without the names of files that nobody chose. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'this user may not'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'there is no space left'
    case 'ENOTDIR':
      return 'a part of its path is no folder'
    case 'EROFS':
      return 'the file system is read-only'
    default:
      return code
  }
}

function cannotWrite(message: string, cause?: unknown): CommandError {
  return new CommandError('cannot-write', message, EXIT_ENVIRONMENT, cause === undefined ? undefined : { cause })
}
