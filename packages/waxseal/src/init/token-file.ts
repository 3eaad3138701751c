import { readFileSync, rmSync, statSync } from 'node:fs'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from '../exit-codes.ts'
import { writeWhole } from '../write-file.ts'

/** Where the administrator's token goes, known to be writable. */
export interface TokenFile {
  readonly path: string
  /** What is there: perhaps the token that an init wrote before it was cut short. Never written over. */
  readonly held: string | undefined
  /** It was not there before. */
  readonly made: boolean
}

/** More than a token has. */
const HELD_MAX_BYTES = 1024

/**
 * Makes sure, before anything else is made, that the token can be written to `path`. What is there is left alone;
 * only `again`, when an init was cut short here, is it looked at. Throws CommandError `occupied`, `cannot-write`.
 */
export function prepareTokenFile(path: string, again: boolean): TokenFile {
  const found = statSync(path, { throwIfNoEntry: false })
  const isEmpty = found === undefined || (found.isFile() && found.size === 0)
  if (!isEmpty && !(again && found.isFile() && found.size <= HELD_MAX_BYTES)) throw occupied(path)
  try {
    if (!isEmpty) return { path, held: readFileSync(path, 'utf8').trim(), made: false }
    writeWhole(path, '', { mode: 0o600 })
    return { path, held: undefined, made: found === undefined }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const message = `The token cannot be written to ${path} (${code}), and nothing was made.`
    throw new CommandError('cannot-write', message, EXIT_ENVIRONMENT, { cause: error })
  }
}

/** Throws CommandError `occupied` when somebody wrote something there meanwhile. */
export function writeToken({ path }: TokenFile, token: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) throw occupied(path)
  writeWhole(path, `${token}\n`, { mode: 0o600 })
}

/** No token came of it. */
export function removeUnused({ path, made }: TokenFile): void {
  if (made && statSync(path, { throwIfNoEntry: false })?.size === 0) rmSync(path)
}

export function occupied(path: string): CommandError {
  return new CommandError(
    'occupied',
    `${path} is there already, and nothing was written to it. Choose another file, or remove this one, and say the same again.`,
    EXIT_REFUSED,
  )
}
