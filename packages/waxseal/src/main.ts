import { Command, CommanderError } from 'commander'
import { explainFailure } from './command-error.ts'
import { addFile, addProject, addRelease } from './commands/project.ts'
import { addServe } from './commands/serve.ts'
import { addToken } from './commands/token.ts'
import { addUser } from './commands/user.ts'
import { addWhy } from './commands/why.ts'
import { EXIT_DONE, EXIT_USAGE } from './exit-codes.ts'
import { VERSION } from './version.ts'

function createProgram(): Command {
  const program = new Command('waxseal')
    .description('A Python package index that answers for every name exactly once')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(see --help)')
  for (const add of [addServe, addToken, addUser, addProject, addRelease, addFile, addWhy]) add(program)
  for (const command of program.commands) overrideExit(command)
  return program
}

function overrideExit(command: Command): void {
  command.exitOverride().showHelpAfterError('(see --help)')
  for (const child of command.commands) overrideExit(child)
}

/** The one document of a command that failed. */
function printFailure(code: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    // Help and version end a command too; commander has printed what there is to say.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE
      if (argv.includes('--json')) printFailure('wrong-use', error.message.replace(/^error: /, ''))
      return EXIT_USAGE
    }
    const { code, message, exitCode } = explainFailure(error)
    if (argv.includes('--json')) printFailure(code, message)
    process.stderr.write(`waxseal: ${message}\n`)
    return exitCode
  }
}

process.exitCode = await main(process.argv.slice(2))
