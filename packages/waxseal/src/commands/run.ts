import type { Guard, ReportDocument } from '@waxseal/guard'
import { openLoopback, planChild, REPORT_FORMATS, runProgram } from '@waxseal/guard/run'
import type { ReportFormat } from '@waxseal/guard/run'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { GuardingOptions } from '../guarding.ts'
import { openTrusted, trustedIndex, withGuardOptions } from '../guarding.ts'
import { withExample } from '../help.ts'
import type { Output } from '../output.ts'
import { jsonText, terminalText } from '../output.ts'
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
    .option('--quiet', 'say nothing at the end where nothing was withheld, refused or noted', false)
    .option('--json', "print the report as one JSON document; the program's own output goes to standard error", false)
    .action(run)
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  const { trusted } = await trustedIndex(options.trust)
  await using parts = new AsyncDisposableStack()
  const { promise: opened, resolve, reject } = Promise.withResolvers<Guard>()
  // Told at the end.
  opened.catch(() => undefined)
  await using loopback = await openLoopback(opened, trusted.url)
  const { allowDirectUrls } = options
  const { endpoint } = loopback
  const plan = await planChild({ command, env: process.env, cwd: process.cwd(), endpoint, allowDirectUrls })
  const stdout = plan.rewriteOutput ? (text: string) => plan.mapText(text) : options.json ? 'stderr' : 'inherit'
  const running = runProgram({ command: plan.command, env: plan.env, cwd: process.cwd(), stdout })
  // The guard is loaded and brought up to date while the program starts; what that asks for waits for it.
  const verified = openTrusted(options, { installs: plan.installs }).then(
    async (guard) => {
      parts.use(guard)
      resolve(guard)
      await guard.refresh()
    },
    (error: unknown) => {
      reject(error)
      throw error
    },
  )
  const failure = verified.then(
    () => undefined,
    (error: unknown) => error,
  )
  let code: number | null = null
  try {
    code = await running
  } finally {
    await failure
    await plan.finish(code)
  }
  // Nothing that the program got was verified where it got nothing: that it ended well says nothing.
  const reason = await failure
  await tellOf(await opened, code, options, reason === undefined)
  if (reason !== undefined) throw reason
  process.exitCode = code
}

/** Says what came and what did not, as it is wanted. */
async function tellOf(guard: Guard, code: number, options: RunOptions, isVerified: boolean): Promise<void> {
  const { formatReport, reportLines } = await import('@waxseal/guard')
  await guard.kept()
  const document = guard.document()
  if (options.report !== undefined) {
    const text = JSON.stringify(formatReport(document, options.format), undefined, 2)
    writeWhole(options.report, `${text}\n`, { mode: 0o644 })
  }
  // Of a state that does not verify the error is the one document.
  if (options.json && isVerified) process.stdout.write(jsonText({ exitCode: code, ...document }))
  else if (!options.quiet || isNotable(document)) process.stderr.write(terminalText(reportLines(document)))
  await guard.cache.tidy()
}

function isNotable({ withheld, refused, outside, notes }: ReportDocument): boolean {
  return withheld.length + refused.length + outside.length + notes.length > 0
}
