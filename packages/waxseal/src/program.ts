import { Command } from 'commander'
import { addFile, addProject, addRelease } from './commands/project.ts'
import { addServe } from './commands/serve.ts'
import { addToken } from './commands/token.ts'
import { addUpgrade } from './commands/upgrade.ts'
import { addUser } from './commands/user.ts'
import { addWhy } from './commands/why.ts'
import { VERSION } from './version.ts'

/** The whole command, every subcommand registered: what `main.ts` runs and what the documentation is made from. */
export function createProgram(): Command {
  const program = new Command('waxseal')
    .description('A Python package index that answers for every name exactly once')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(see --help)')
  for (const add of [addServe, addToken, addUser, addProject, addRelease, addFile, addWhy, addUpgrade]) add(program)
  for (const command of program.commands) overrideExit(command)
  return program
}

function overrideExit(command: Command): void {
  command.exitOverride().showHelpAfterError('(see --help)')
  for (const child of command.commands) overrideExit(child)
}
