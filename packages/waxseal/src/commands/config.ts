import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { withIndexOptions } from '../administer.ts'
import type { EffectiveSetting } from '../config/effective.ts'
import { effectiveSettings } from '../config/effective.ts'
import { checkConfig } from '../config/load.ts'
import { invalidConfig, tellProblems } from '../config/problems.ts'
import { configWarnings, keyWarnings } from '../config/warnings.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'

export function addConfig(program: Command): void {
  const config = program.command('config').description('check and show the configuration')
  withExample(withIndexOptions(config.command('check')), 'waxseal config check --config /etc/waxseal/waxseal.toml')
    .description(
      'tell everything that is wrong or doubtful, with file, line and key; exit code 2 when something is wrong',
    )
    .action(check)
  withExample(withIndexOptions(config.command('show')), 'waxseal config show --data /var/lib/waxseal')
    .description('show the values that hold and where each comes from; secrets are blanked out')
    .action(show)
}

async function check(options: AdministerOptions): Promise<void> {
  const checked = checkConfig(options, process.env)
  const { problems, settings } = checked
  const warnings = [...configWarnings(checked), ...(await keyWarnings(checked))]
  for (const warning of warnings) if (!options.json) process.stderr.write(`Warning: ${warning}\n`)
  if (problems.length > 0) throw invalidConfig(await tellProblems(problems, settings.file), { warnings })
  const file = settings.file?.path ?? null
  printResult(options, { file, warnings }, [
    `${file ?? 'The configuration (there is no file)'} is right${warnings.length === 0 ? '' : `; ${warnings.length} to look at`}.`,
  ])
}

async function show(options: AdministerOptions): Promise<void> {
  const checked = checkConfig(options, process.env)
  const { problems, settings } = checked
  if (problems.length > 0) throw invalidConfig(await tellProblems(problems, settings.file))
  for (const warning of checked.warnings) process.stderr.write(`waxseal: ${warning}\n`)
  const shown = await effectiveSettings(checked)
  const file = settings.file?.path ?? null
  // An upstream has many keys, mostly at their defaults.
  const rows = shown.filter(
    ({ key, from }) => from !== 'default' || !key.startsWith('upstream.') || key.endsWith('.url'),
  )
  printResult(options, { file, settings: shown }, columns([['KEY', 'VALUE', 'FROM'], ...rows.map(settingRow)]))
}

function settingRow(setting: EffectiveSetting): readonly string[] {
  const { key, value, otherwise, from, source, line } = setting
  const text =
    value === null
      ? `(${(otherwise ?? 'none').replaceAll('`', '')})`
      : typeof value === 'string'
        ? value
        : JSON.stringify(value)
  const where = source === undefined ? from : line === undefined ? source : `${source}, line ${line}`
  return [key, text, where]
}
