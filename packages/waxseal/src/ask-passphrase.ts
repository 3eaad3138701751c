import { checkPassphrase, TrustError } from '@waxseal/trust'
import { CommandError } from './command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from './exit-codes.ts'
import { readSecretFile } from './secret-file.ts'

/** The passphrase of a file that is there: from `file`, else from whoever sits at the terminal. */
export async function askPassphrase(message: string, file: string | undefined): Promise<string> {
  const option = '--passphrase-file'
  if (file !== undefined) return readSecretFile(file, option)
  requireTerminalFor(option)
  return await typed(message, () => undefined)
}

/**
 * A new passphrase: from `file`, which `option` names, else typed twice.
 * @throws CommandError `passphrase-wrong`, `secret-unreadable`, `no-terminal`, `cancelled`
 */
export async function askNewPassphrase(message: string, file: string | undefined, option: string): Promise<string> {
  if (file !== undefined) return newPassphraseIn(file, option)
  requireTerminalFor(option)
  return await typedTwice(message, wrongPassphrase)
}

/** As `askNewPassphrase`; undefined where nothing is typed. */
export async function askOptionalPassphrase(message: string): Promise<string | undefined> {
  const passphrase = await typedTwice(message, (text) => (text === '' ? undefined : wrongPassphrase(text)))
  return passphrase === '' ? undefined : passphrase
}

/** What nobody could type at a prompt is no passphrase. @throws CommandError `passphrase-wrong`, `secret-unreadable` */
export function newPassphraseIn(file: string, option: string): string {
  const text = readSecretFile(file, option).trim()
  const wrong = /[\r\n]/.test(text) ? 'It has more than one line.' : wrongPassphrase(text)
  if (wrong === undefined) return text
  throw new CommandError('passphrase-wrong', `${option}: ${file} holds no passphrase. ${wrong}`, EXIT_USAGE)
}

/** Whether whoever sits at the terminal says yes. Throws CommandError `no-terminal` where nobody does. */
export async function confirmed(message: string): Promise<boolean> {
  requireTerminal('Look at what is said, then add --yes.')
  const { confirm } = await import('@clack/prompts')
  return (await confirm({ message, initialValue: false, output: process.stderr })) === true
}

async function typedTwice(message: string, wrong: (text: string) => string | undefined): Promise<string> {
  const passphrase = await typed(message, wrong)
  if (passphrase === '') return passphrase
  return await typed('The same again', (text) => (text === passphrase ? undefined : 'This is another one than before.'))
}

async function typed(message: string, wrong: (text: string) => string | undefined): Promise<string> {
  const { password } = await import('@clack/prompts')
  // Undefined, whatever its type says, where nothing is typed.
  const answer: string | symbol | undefined = await password({
    message,
    validate: (text) => wrong(text ?? ''),
    output: process.stderr,
  })
  if (typeof answer !== 'symbol') return answer ?? ''
  throw new CommandError('cancelled', 'Cancelled: nothing was done.', EXIT_REFUSED)
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

function requireTerminalFor(option: string): void {
  requireTerminal(`Put the passphrase into a file, and name it with ${option}.`)
}

function requireTerminal(instead: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandError('no-terminal', `There is no terminal to ask on. ${instead}`, EXIT_USAGE)
}
