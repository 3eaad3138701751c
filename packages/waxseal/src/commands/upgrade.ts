import { OPERATOR, systemClock } from '@waxseal/index'
import type { IndexConfig, Upgraded } from '@waxseal/index'
import { onlyOfFolder, planUpgrade, takeStepBack, upgradeStore } from '@waxseal/index/keeping'
import type { UpgradePlan } from '@waxseal/index/keeping'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { requireDatabase, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { printResult } from '../output.ts'

interface UpgradeOptions extends AdministerOptions {
  readonly dryRun: boolean
  readonly back: boolean
}

export function addUpgrade(program: Command): void {
  withIndexOptions(program.command('upgrade'))
    .description('bring the database up to this version, as "serve" does when it starts; or one release back')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--back', 'take back what this release brought, so that the one before can start again', false)
    .addHelpText('after', '\nExample:\n  waxseal upgrade --dry-run\n')
    .action(async (options: UpgradeOptions) => {
      const { index: config } = await loadConfig(options, process.env)
      const { database } = config
      await requireDatabase(config)
      const plan = await planUpgrade(database, onlyOfFolder(config.dataDir))
      await (options.back ? back(options, database, plan) : forward(options, config, plan))
    })
}

async function forward(options: UpgradeOptions, { database, dataDir }: IndexConfig, plan: UpgradePlan): Promise<void> {
  const at = plan.applied.at(-1) ?? null
  const { pending, copy } = plan
  if (options.dryRun || pending.length === 0) {
    const todo =
      pending.length === 0
        ? ['There is nothing to do.']
        : [
            `To do: ${pending.join(', ')}.`,
            ...(copy === undefined ? [] : [`Kept before: ${copy.path}, ${copy.bytes} bytes.`]),
          ]
    return printResult(options, { at, pending, copy: copy?.path ?? null, done: [] }, [where(at), ...todo])
  }
  const upgraded = await upgradeStore(database, { clock: systemClock, by: OPERATOR, ...onlyOfFolder(dataDir) })
  const done = upgraded?.steps ?? []
  const { kept, lines } = tellCopy(upgraded)
  const now = pending.at(-1) ?? at
  printResult(options, { at: now, pending: [], copy: kept, done }, [where(now), ...lines])
}

async function back(options: UpgradeOptions, database: IndexConfig['database'], plan: UpgradePlan): Promise<void> {
  const { reversible, applied } = plan
  if (reversible === undefined) {
    throw new CommandError(
      'not-allowed',
      `${where(applied.at(-1) ?? null)} This version takes back its own steps only, and none is there.`,
      EXIT_REFUSED,
    )
  }
  const { steps, loses } = reversible
  const from = applied.at(-1) ?? null
  const to = applied.at(-1 - steps.length) ?? null
  const named = steps.join(', ')
  if (options.dryRun) {
    const lines = [where(from), `To do: take ${named} back.`, `Lost by it: ${loses}`]
    return printResult(options, { at: from, back: steps, to, loses, done: [] }, lines)
  }
  await takeStepBack(database, systemClock)
  printResult(options, { at: to, back: steps, to, loses, done: steps }, [
    `Took ${named} back. ${where(to)}`,
    `Lost by it: ${loses}`,
    'Start the version before now. Starting this one, or its "waxseal upgrade", brings the database forward again.',
  ])
}

function where(at: string | null): string {
  return at === null ? 'The database is empty.' : `The database is at ${at}.`
}

function tellCopy(upgraded: Upgraded | undefined): { readonly kept: string | null; readonly lines: readonly string[] } {
  if (upgraded === undefined) return { kept: null, lines: ['Another process brought it there.'] }
  const { copy, from, steps } = upgraded
  const done = `It was at ${from}; done: ${steps.join(', ')}.`
  switch (copy?.kind) {
    case undefined:
      return { kept: null, lines: [done] }
    case 'kept':
      return {
        kept: copy.path,
        lines: [done, `As it was it stands in ${copy.path}; delete that once the new version suits.`],
      }
    case 'not-kept':
      return { kept: null, lines: [done, `No copy of it as it was: ${copy.why}.`] }
  }
}
