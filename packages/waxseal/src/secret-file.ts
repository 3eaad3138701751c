import { readFileSync } from 'node:fs'
import { CommandError } from './command-error.ts'
import { EXIT_USAGE } from './exit-codes.ts'

/**
 * The text of the file that `option` names, `-` being standard input: a secret never stands in an argument, where every
 * process can read it. Throws CommandError `secret-unreadable`.
 */
export function readSecretFile(file: string, option: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const why = code === 'ENOENT' ? 'there is no such file' : code
    throw new CommandError('secret-unreadable', `${option}: ${file} cannot be read: ${why}.`, EXIT_USAGE, {
      cause: error,
    })
  }
}
