import { CommandError } from './command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from './exit-codes.ts'
import { readSecretFile } from './secret-file.ts'

/** The passphrase of a file that is there: from `file`, else from whoever sits at the terminal. */
export async function askPassphrase(message: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return readSecretFile(file, '--passphrase-file')
  return await typed(message)
}

/** A new passphrase: from `file`, else typed twice. */
export async function askNewPassphrase(message: string, file: string | undefined, option: string): Promise<string> {
  if (file !== undefined) return readSecretFile(file, option)
  const passphrase = await typed(message)
  if ((await typed('The same again')) === passphrase) return passphrase
  throw new CommandError('passphrase-wrong', 'The two were different: nothing was written.', EXIT_REFUSED)
}

/** Whether whoever sits at the terminal says yes. Throws CommandError `no-terminal` where nobody does. */
export async function confirmed(message: string): Promise<boolean> {
  requireTerminal('Look at what is said, then add --yes.')
  const { confirm } = await import('@clack/prompts')
  return (await confirm({ message, initialValue: false, output: process.stderr })) === true
}

async function typed(message: string): Promise<string> {
  requireTerminal('Put the passphrase into a file, and name it with --passphrase-file.')
  const { password } = await import('@clack/prompts')
  const answer = await password({ message, output: process.stderr })
  if (typeof answer === 'string') return answer
  throw new CommandError('cancelled', 'Cancelled: nothing was done.', EXIT_REFUSED)
}

function requireTerminal(instead: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandError('no-terminal', `There is no terminal to ask on. ${instead}`, EXIT_USAGE)
}
