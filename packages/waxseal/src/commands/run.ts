import { formatReport, openLoopback, planChild, REPORT_FORMATS, reportLines, runProgram } from '@waxseal/guard'
import type { ReportDocument, ReportFormat } from '@waxseal/guard'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { GuardingOptions } from '../guarding.ts'
import { openTrusted, withGuardOptions } from '../guarding.ts'
import { withExample } from '../help.ts'
import type { Output } from '../output.ts'
import { terminalText } from '../output.ts'
import { writeWhole } from '../write-file.ts'

interface RunOptions extends GuardingOptions, Output {
  readonly report?: string
  readonly format: ReportFormat
  readonly quiet: boolean
  readonly allowDirectUrls: boolean
}

export function addRun(program: Command): void {
  program.enablePositionalOptions()
  withExample(
    withGuardOptions(program.command('run')),
    'waxseal run -- pip install requests',
    'waxseal run -- pip lock -r requirements.in',
  )
    .description('run pip, uv, PDM, pipenv or any other program so that it gets only packages that verify')
    .usage('[options] -- <command...>')
    .argument('<command...>', 'what to run, after --')
    .passThroughOptions()
    .option('--report <file>', 'write the report to this file too')
    .addOption(
      new Option('--format <format>', 'of that file: what an index has signed, as other tools read it')
        .choices([...REPORT_FORMATS])
        .default('json'),
    )
    .option(
      '--allow-direct-urls',
      'leave requirements alone that name a URL; they are not verified, and the port of the guard does not lead there',
      false,
    )
    .option('--quiet', 'say nothing at the end where nothing was refused', false)
    .option('--json', "print the report as one JSON document; the program's own output goes to standard error", false)
    .action(run)
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  await using guard = await openTrusted(options)
  await using loopback = await openLoopback(guard)
  const { endpoint } = loopback
  const { allowDirectUrls } = options
  const plan = await planChild({ command, env: process.env, cwd: process.cwd(), endpoint, allowDirectUrls })
  // What the program asks for waits for this; its own start does not.
  const refreshed = guard.refresh().then(
    () => undefined,
    (error: unknown) => error,
  )
  let code: number | null = null
  try {
    const stdout = plan.rewriteOutput ? (text: string) => plan.mapText(text) : options.json ? 'stderr' : 'inherit'
    code = await runProgram({ command: plan.command, env: plan.env, cwd: process.cwd(), stdout })
  } finally {
    await plan.finish(code)
  }
  const failure = await refreshed
  await guard.kept()
  const document = guard.document()
  if (options.report !== undefined) writeReport(options.report, document, options.format)
  const isTold = failure === undefined && options.json
  if (isTold) process.stdout.write(`${JSON.stringify({ exitCode: code, ...document })}\n`)
  else if (!options.quiet || isNotable(document)) process.stderr.write(terminalText(reportLines(document)))
  await guard.cache.tidy()
  // Nothing that the program got was verified, since it got nothing: that it ended well says nothing.
  if (failure !== undefined) throw failure
  process.exitCode = code
}

function isNotable({ withheld, refused, outside, notes }: ReportDocument): boolean {
  return withheld.length + refused.length + outside.length + notes.length > 0
}

function writeReport(path: string, document: ReportDocument, format: ReportFormat): void {
  writeWhole(path, `${JSON.stringify(formatReport(document, format), undefined, 2)}\n`, { mode: 0o644 })
}
