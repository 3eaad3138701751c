import { Command, Help } from 'commander'
import type { Option } from 'commander'
import { PROGRAM_HELP } from './help.ts'
import { VERSION } from './version.ts'

type Add = (program: Command) => void

/**
 * Every command, in the order of the help. Each is loaded when it is asked for: a server has no use for the code of
 * `setup` or `restore`, and would keep it in memory for years.
 */
const COMMANDS: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['init', async () => (await import('./commands/init.ts')).addInit],
  ['trust', async () => (await import('./commands/trust.ts')).addTrustCommands],
  ['run', async () => (await import('./commands/run.ts')).addRun],
  ['guard', async () => (await import('./commands/guard.ts')).addGuard],
  ['verify', async () => (await import('./commands/verify.ts')).addVerify],
  ['serve', async () => (await import('./commands/serve.ts')).addServe],
  ['config', async () => (await import('./commands/config.ts')).addConfig],
  ['upstream', async () => (await import('./commands/upstream.ts')).addUpstream],
  ['token', async () => (await import('./commands/token.ts')).addToken],
  ['user', async () => (await import('./commands/user.ts')).addUser],
  ['team', async () => (await import('./commands/team.ts')).addTeam],
  ['key', async () => (await import('./commands/key.ts')).addKey],
  ['sign', async () => (await import('./commands/sign.ts')).addSign],
  ['ceremony', async () => (await import('./commands/ceremony.ts')).addCeremony],
  ['seal', async () => (await import('./commands/seal.ts')).addSeal],
  ['log', async () => (await import('./commands/log.ts')).addLog],
  ['project', async () => (await import('./commands/project.ts')).addProject],
  ['quarantine', async () => (await import('./commands/denials.ts')).addQuarantine],
  ['block', async () => (await import('./commands/denials.ts')).addBlock],
  ['lift', async () => (await import('./commands/denials.ts')).addLift],
  ['denials', async () => (await import('./commands/denials.ts')).addDenials],
  ['approve', async () => (await import('./commands/approve.ts')).addApprove],
  ['unapprove', async () => (await import('./commands/approve.ts')).addUnapprove],
  ['merge', async () => (await import('./commands/merge.ts')).addMerge],
  ['unmerge', async () => (await import('./commands/merge.ts')).addUnmerge],
  ['namespace', async () => (await import('./commands/namespace.ts')).addNamespace],
  ['release', async () => (await import('./commands/release.ts')).addRelease],
  ['file', async () => (await import('./commands/file.ts')).addFile],
  ['why', async () => (await import('./commands/why.ts')).addWhy],
  ['request', async () => (await import('./commands/request.ts')).addRequest],
  ['requests', async () => (await import('./commands/requests.ts')).addRequests],
  ['setup', async () => (await import('./commands/setup.ts')).addSetup],
  ['status', async () => (await import('./commands/status.ts')).addStatus],
  ['events', async () => (await import('./commands/events.ts')).addEvents],
  ['audit', async () => (await import('./commands/audit.ts')).addAudit],
  ['sentinel', async () => (await import('./commands/sentinel.ts')).addSentinel],
  ['webhook', async () => (await import('./commands/webhook.ts')).addWebhook],
  ['gc', async () => (await import('./commands/gc.ts')).addGc],
  ['backup', async () => (await import('./commands/backup.ts')).addBackup],
  ['restore', async () => (await import('./commands/restore.ts')).addRestore],
  ['doctor', async () => (await import('./commands/doctor.ts')).addDoctor],
  ['upgrade', async () => (await import('./commands/upgrade.ts')).addUpgrade],
  ['completion', async () => (await import('./commands/completion.ts')).addCompletion],
])

/**
 * The command. `first`, its first argument, says which subcommand is wanted: only that one is loaded then. Without it, or
 * where it names none, all are: for the help, the documentation, and the error that an unknown one is.
 */
export async function createProgram(first?: string): Promise<Command> {
  const program = new Command('waxseal')
    .description('A Python package index that answers for every name exactly once')
    .version(VERSION)
    .addHelpText('after', PROGRAM_HELP)
  // Completion is of all of them.
  const wanted = first === undefined || first === 'completion' ? undefined : COMMANDS.get(first)
  const loads = wanted === undefined ? [...COMMANDS.values()] : [wanted]
  for (const add of await Promise.all(loads.map((load) => load()))) add(program)
  overrideExit(program, 'waxseal')
  return program
}

/** Errors come back to `main.ts`, and name the help of the very command. */
function overrideExit(command: Command, words: string): void {
  command.exitOverride().showHelpAfterError(`(see: ${words} --help)`).configureHelp({ optionDescription })
  for (const child of command.commands) overrideExit(child, `${words} ${child.name()}`)
}

/** That a switch is off, until it is given, goes without saying. */
function optionDescription(option: Option): string {
  return new Help().optionDescription(option).replace(/ \(default: (?:true|false)\)$/, '')
}
