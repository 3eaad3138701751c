import { existsSync } from 'node:fs'
import type { Administration, IndexConfig } from '@waxseal/index'
import { openAdministration, refuseNewDatabase } from '@waxseal/index'
import type { Command } from 'commander'
import { CommandError } from './command-error.ts'
import { DEFAULT_DATA } from './config/defaults.ts'
import { loadConfig } from './config/load.ts'
import type { ConfigOptions } from './config/options.ts'
import { EXIT_ENVIRONMENT } from './exit-codes.ts'
import type { Output } from './output.ts'
import { VERSION } from './version.ts'

/** Options of every command that works on the data folder. */
export interface AdministerOptions extends ConfigOptions, Output {}

/** Adds the options that say which index is meant, and `--json`. */
export function withIndexOptions(command: Command): Command {
  return withPlaceOptions(command).option('--json', 'print one JSON document', false)
}

/** Adds the options that say which index is meant. */
export function withPlaceOptions(command: Command): Command {
  return command
    .option('--data <dir>', `the folder that holds the index (default: ${DEFAULT_DATA}; WAXSEAL_DATA)`)
    .option(
      '--config <file>',
      'the configuration file (default: waxseal.toml in the data folder given, or here; WAXSEAL_CONFIG)',
    )
}

/** Runs `work` on the index in the data folder, beside a running server or without one. */
export async function administer<T>(options: ConfigOptions, work: (index: Administration) => Promise<T>): Promise<T> {
  const { index: config } = await loadConfig(options, process.env)
  await requireDatabase(config)
  const onLeft = (problem: string): void => {
    process.stderr.write(
      `Not published yet: this command cannot sign (${problem.replace(/\.$/, '')}), and no running server did so within a while. The change is written; the next server that starts publishes it.\n`,
    )
  }
  await using index = await openAdministration({ ...config, version: VERSION }, { onLeft })
  return await work(index)
}

/** Throws CommandError `no-index` where there is nothing, and IndexError `wrong-database` where only files are. */
export async function requireDatabase({ database, dataDir }: IndexConfig): Promise<void> {
  // On PostgreSQL the folder, which opening it would make: its blobs are what commands work on.
  if (existsSync(database.kind === 'sqlite' ? database.path : dataDir)) return
  await refuseNewDatabase(dataDir)
  throw noIndex(dataDir)
}

/** What a command says that finds nothing in the data folder. */
export function noIndex(dataDir: string): CommandError {
  return new CommandError(
    'no-index',
    `There is no index in ${dataDir}. Start one with "waxseal serve --data ${dataDir}", or name its folder with --data.`,
    EXIT_ENVIRONMENT,
  )
}
