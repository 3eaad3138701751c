import { Command } from 'commander'
import { addBackup } from './commands/backup.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEvents } from './commands/events.ts'
import { addFile } from './commands/file.ts'
import { addInit } from './commands/init.ts'
import { addProject } from './commands/project.ts'
import { addRelease } from './commands/release.ts'
import { addGc } from './commands/gc.ts'
import { addRestore } from './commands/restore.ts'
import { addServe } from './commands/serve.ts'
import { addSetup } from './commands/setup.ts'
import { addStatus } from './commands/status.ts'
import { addToken } from './commands/token.ts'
import { addUpgrade } from './commands/upgrade.ts'
import { addUpstream } from './commands/upstream.ts'
import { addUser } from './commands/user.ts'
import { addWhy } from './commands/why.ts'
import { PROGRAM_HELP } from './help.ts'
import { VERSION } from './version.ts'

/** Every command, in the order of the help. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addInit,
  addServe,
  addConfig,
  addUpstream,
  addToken,
  addUser,
  addProject,
  addRelease,
  addFile,
  addWhy,
  addSetup,
  addStatus,
  addEvents,
  addGc,
  addBackup,
  addRestore,
  addDoctor,
  addUpgrade,
  addCompletion,
]

/** The whole command, every subcommand registered: what `main.ts` runs and what the documentation is made from. */
export function createProgram(): Command {
  const program = new Command('waxseal')
    .description('A Python package index that answers for every name exactly once')
    .version(VERSION)
    .addHelpText('after', PROGRAM_HELP)
  for (const add of COMMANDS) add(program)
  overrideExit(program, 'waxseal')
  return program
}

/** Errors come back to `main.ts`, and name the help of the very command. */
function overrideExit(command: Command, words: string): void {
  command.exitOverride().showHelpAfterError(`(see: ${words} --help)`)
  for (const child of command.commands) overrideExit(child, `${words} ${child.name()}`)
}
