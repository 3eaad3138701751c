import { readFileSync } from 'node:fs'
import { CommandError } from './command-error.ts'
import { EXIT_USAGE } from './exit-codes.ts'

/**
 * The content of the file that `option` names; `-` is standard input. A secret never stands in an argument, where every
 * process can read it.
 */
export function readSecretFile(option: string, file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new CommandError('wrong-use', `${option}: ${file} cannot be read (${why}).`, EXIT_USAGE, { cause: error })
  }
}
