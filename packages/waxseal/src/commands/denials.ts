import { OPERATOR } from '@waxseal/index'
import type { KnownDenial } from '@waxseal/index'
import type { Overlay } from '@waxseal/index/names'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change } from './changes.ts'
import { releaseArgument } from './release-argument.ts'

interface DenyOptions extends AdministerOptions {
  readonly reason: string
  readonly file?: string
  readonly sha256?: string
  readonly until?: string
}

export function addQuarantine(program: Command): void {
  const command = program
    .command('quarantine')
    .description('close a name, a release or a file for now, whoever answers for it; nobody gets it by any address')
    .option('--until <time>', 'when it ends by itself, as 2027-01-31T12:00:00Z')
  withExample(
    withSubject(command),
    'waxseal quarantine acme-app --reason "being looked at"',
    'waxseal quarantine acme-app==2.0 --until 2027-01-31T12:00:00Z --reason "being looked at"',
  ).action((release: string | undefined, options: DenyOptions) => deny('quarantined', release, options))
}

export function addBlock(program: Command): void {
  const command = program
    .command('block')
    .description('close a name, a release or a file until it is lifted, whoever answers for it')
  withExample(
    withSubject(command),
    'waxseal block acme-app==2.0 --reason "steals tokens"',
    'waxseal block --sha256 9f2c4cbb0f1c3e1d6b1a7d2e5f80a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4 --reason "a known worm"',
  ).action((release: string | undefined, options: DenyOptions) => deny('blocked', release, options))
}

export function addLift(program: Command): void {
  withExample(withIndexOptions(program.command('lift')), 'waxseal lift 12 --reason "looked at: harmless"')
    .description('lift a denial by its number; of a sealed name it waits for the holders of the seal')
    .argument('<number>')
    .requiredOption('--reason <text>', 'recorded with the decision')
    .action((number: string, options: AdministerOptions & { readonly reason: string }) =>
      change(options, `Denial ${number} is lifted`, ({ management }) =>
        management.lift(numberOf(number), options.reason, OPERATOR),
      ),
    )
}

export function addDenials(program: Command): void {
  withExample(withIndexOptions(program.command('denials')), 'waxseal denials acme-app --all')
    .description('list what is quarantined and blocked, with numbers, reasons and who decided it')
    .argument('[name]')
    .option('--all', 'those too that are lifted or over', false)
    .action((name: string | undefined, options: AdministerOptions & { readonly all: boolean }) =>
      administer(options, async ({ management }) => {
        const project = name === undefined ? undefined : normalizeProjectName(name)
        const denials = (await management.denials(project)).filter(({ standing }) => standing || options.all)
        const rows = denials.map((one) => [
          String(one.n),
          `${one.project}${one.version === null ? '' : `==${one.version}`}`,
          one.sha256 ?? '',
          stateOf(one),
          one.since,
          one.by,
          one.reason,
        ])
        const lines =
          rows.length === 0
            ? ['Nothing is quarantined or blocked.']
            : columns([['NUMBER', 'WHAT', 'SHA256', 'STATE', 'SINCE', 'BY', 'REASON'], ...rows])
        printResult(options, { denials }, lines)
      }),
    )
}

function withSubject(command: Command): Command {
  return withIndexOptions(command)
    .argument('[release]')
    .requiredOption('--reason <text>', 'shown to everybody who asks for it')
    .option('--file <filename>', 'this file of it only, by the bytes that are known under its name')
    .option('--sha256 <hash>', 'these bytes only; without a name, under every name that they are known of')
}

function deny(overlay: Overlay, release: string | undefined, options: DenyOptions): Promise<void> {
  const { reason, file: filename, sha256, until } = options
  const words = { overlay, reason, until }
  return change(
    options,
    `${release ?? 'These bytes'} ${release === undefined ? 'are' : 'is'} ${overlay}`,
    ({ management }) => {
      if (release !== undefined) {
        const { project, version } = releaseArgument(release)
        // A file belongs to one release: what it is of is said by its name already.
        const isFile = filename !== undefined || sha256 !== undefined
        const subject = { project, version: isFile ? undefined : version, filename, sha256 }
        return management.deny(subject, words, OPERATOR)
      }
      if (sha256 !== undefined && filename === undefined) return management.denyEverywhere(sha256, words, OPERATOR)
      throw new CommandError('wrong-use', 'Name what is meant: NAME, NAME==VERSION, or --sha256 HASH.', EXIT_USAGE)
    },
  )
}

function numberOf(text: string): number {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n >= 1) return n
  throw new CommandError('wrong-use', `${text} is no number of a denial; see: waxseal denials`, EXIT_USAGE)
}

function stateOf({ overlay, standing, until, liftedBy, waits }: KnownDenial): string {
  if (liftedBy !== null) return `lifted by ${liftedBy}`
  if (!standing) return 'over'
  const end = until === null ? '' : ` until ${until}`
  return `${overlay}${end}${waits ? ', its lift waits for the holders' : ''}`
}
