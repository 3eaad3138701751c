import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ReportDocument } from '@waxseal/guard'
import type { Client, Outcome, RunOptions } from '../support/clients.ts'
import { runScrubbed } from '../support/clients.ts'

export const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')

/** What a program left, and what the guard said about it. */
export interface Guarded extends Outcome {
  readonly report: ReportDocument & { readonly exitCode: number | null }
}

/** A user's machine: a folder for what its guard trusts and keeps, a virtual environment, a project. */
export interface Machine extends AsyncDisposable {
  readonly folder: string
  /** What `WAXSEAL_GUARD_HOME` is. */
  readonly guardHome: string
  /** The folder where programs are started. */
  readonly project: string
  /** Runs `waxseal …`, scrubbed as clients are. */
  waxseal(args: readonly string[], options?: Partial<RunOptions>): Promise<Outcome>
  /** Runs a client's pip with `arguments` behind the guard; what is printed on standard output is the report. */
  pip(client: Client, args: readonly string[], options?: MachineOptions): Promise<Guarded>
}

export interface MachineOptions extends Partial<RunOptions> {
  /** Options of `waxseal run`. */
  readonly run?: readonly string[]
}

/** A machine that trusts the index at `url`, where one is given. */
export async function machineTrusting(url: string | undefined): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-machine-'))
  const guardHome = join(folder, 'guard')
  const waxseal: Machine['waxseal'] = (args, options = {}) =>
    runScrubbed([process.execPath, MAIN, ...args], '/usr/bin:/bin', {
      cwd: folder,
      ...options,
      // The index of a test stands on this machine: the tripwire is no way to it.
      env: { WAXSEAL_GUARD_HOME: guardHome, NO_PROXY: '127.0.0.1', ...options.env },
    })
  const machine: Machine = {
    folder,
    guardHome,
    project: folder,
    waxseal,
    async pip(client, args, { run = [], ...options } = {}) {
      const outcome = await waxseal(['run', '--json', ...run, '--', client.python, '-m', 'pip', ...args], options)
      try {
        return { ...outcome, report: JSON.parse(outcome.stdout) as Guarded['report'] }
      } catch {
        throw new Error(`waxseal run printed no report (exit ${outcome.code}):\n${outcome.stdout}\n${outcome.stderr}`)
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
  if (url !== undefined) {
    const added = await waxseal(['trust', 'add', url, '--yes'])
    if (added.code !== 0) throw new Error(`trust add: ${added.stderr}`)
  }
  return machine
}

/** Arguments that install into a folder of the machine alone. */
export const intoTarget = (target: string, ...args: readonly string[]): readonly string[] => [
  'install',
  '--target',
  target,
  '--no-compile',
  ...args,
]
