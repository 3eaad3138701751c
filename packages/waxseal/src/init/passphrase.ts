import { checkPassphrase, TrustError } from '@waxseal/trust'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { readSecretFile } from '../secret-file.ts'

/** Who says the passphrase of the offline keys. */
export interface PassphraseOptions {
  readonly passphraseFile?: string
  readonly yes: boolean
}

/**
 * The passphrase for the offline keys: from a file, else asked for, with --yes none. Undefined: one is to be generated.
 * @throws CommandError `passphrase-wrong`, `secret-unreadable`, `cancelled`
 */
export async function passphraseOf({ passphraseFile, yes }: PassphraseOptions): Promise<string | undefined> {
  if (passphraseFile !== undefined) return fromFile(passphraseFile)
  return yes ? undefined : await ask()
}

function fromFile(file: string): string {
  const text = readSecretFile(file, '--passphrase-file').trim()
  const wrong = /[\r\n]/.test(text) ? 'It has more than one line.' : wrongPassphrase(text)
  if (wrong === undefined) return text
  throw new CommandError('passphrase-wrong', `--passphrase-file: ${file} holds no passphrase. ${wrong}`, EXIT_USAGE)
}

async function ask(): Promise<string | undefined> {
  const prompts = await import('@clack/prompts')
  const output = process.stderr
  const given = (answer: string | symbol | undefined): string => {
    if (typeof answer === 'symbol') throw new CommandError('cancelled', 'Cancelled: nothing was made.', EXIT_REFUSED)
    return answer ?? ''
  }
  const first = given(
    await prompts.password({
      message: 'A passphrase for the offline keys? Nothing: a good one is made, and shown',
      output,
      validate: (text) => (text === undefined || text === '' ? undefined : wrongPassphrase(text)),
    }),
  )
  if (first === '') return undefined
  given(
    await prompts.password({
      message: 'The same passphrase once more?',
      output,
      validate: (text) => (text === first ? undefined : 'This is another one than before.'),
    }),
  )
  return first
}

function wrongPassphrase(text: string): string | undefined {
  try {
    checkPassphrase(text)
    return undefined
  } catch (error) {
    if (error instanceof TrustError) return error.message
    throw error
  }
}
