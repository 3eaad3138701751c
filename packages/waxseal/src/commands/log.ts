import { readFileSync } from 'node:fs'
import type { LogVerdict } from '@waxseal/index/keeping'
import { exportLog, readDecisions, verifyLog } from '@waxseal/index/keeping'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { readCeremonyFile } from '../ceremony/read-file.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { reasonOf, requireNewFile, writeAsked } from '../new-file.ts'
import type { Output } from '../output.ts'
import { columns, counted, printResult } from '../output.ts'

export function addLog(program: Command): void {
  const log = program.command('log').description('who decided what about names, and whether all of it holds')
  withExample(withIndexOptions(log.command('show')), 'waxseal log show billing')
    .description('show the decisions about a name, or about all')
    .argument('[name]', 'a name, a namespace as PREFIX-*, or * for the default')
    .action((raw: string | undefined, options: AdministerOptions) =>
      administer(options, async ({ store }) => {
        const subject = raw === undefined || raw.endsWith('*') ? raw : normalizeProjectName(raw)
        const decisions = await readDecisions(store.db, subject)
        const rows = decisions.map((one) => [one.subject, String(one.rev), one.at, one.by, one.words])
        printResult(options, { decisions }, columns([['NAME', 'REV', 'AT', 'BY', 'DECISION'], ...rows]))
      }),
    )
  withExample(withIndexOptions(log.command('export')), 'waxseal log export decisions.jsonl')
    .description('write all decisions, and all that is needed to verify them elsewhere, into a new file')
    .argument('<file>')
    .action((file: string, options: AdministerOptions) => {
      requireNewFile(file)
      return administer(options, async ({ store, clock }) => {
        const text = await exportLog(store, new Date(clock.now()).toISOString())
        writeAsked(file, text, 0o600)
        printResult(options, { out: file, bytes: Buffer.byteLength(text) }, [
          `${file} has the whole log: waxseal log verify ${file} --root ROOT, on any machine.`,
        ])
      })
    })
  withExample(log.command('verify'), 'waxseal log verify decisions.jsonl --root 1.root.json')
    .description('verify an exported log; needs no index and no network')
    .argument('<file>')
    .option('--root <file>', 'the root that you know (default: the first one in the file, whose sha256 is told)')
    .option('--json', 'print one JSON document', false)
    .action(async (file: string, options: Output & { readonly root?: string }) => {
      const trusted =
        options.root === undefined ? undefined : readCeremonyFile(options.root, 'a root', (bytes) => bytes)
      const verdict = await verifyLog(read(file), trusted)
      if (verdict.problem !== undefined) throw refused(file, verdict.problem)
      printResult(options, verdict, [...linesOf(verdict), ...compare(verdict, trusted)])
    })
}

function linesOf({ subjects, decisions, sealed, claimed, unsigned, signedAt }: LogVerdict): readonly string[] {
  return [
    `${counted(decisions, 'decision')} about ${counted(subjects, 'subject')} follow each other, none changed and none left out.`,
    ...(signedAt === null
      ? ['Nothing is signed: that none was dropped at the end cannot be told.']
      : [`They end as it was signed at ${signedAt}: ${counted(sealed, 'sealed record')}, ${claimed} claimed.`]),
    ...(unsigned === 0 || signedAt === null
      ? []
      : [
          `No record is signed for ${counted(unsigned, 'decision')}: about namespaces or the default, or newer than that.`,
        ]),
  ]
}

function compare({ root }: LogVerdict, trusted: Uint8Array | undefined): readonly string[] {
  if (root === null || trusted !== undefined) return []
  return [
    `It was verified from its own first root, up to version ${root.version} with the sha256 ${root.sha256}: compare that, or name yours with --root.`,
  ]
}

function refused(file: string, { subject, rev, reason }: NonNullable<LogVerdict['problem']>): CommandError {
  const where = subject === null ? '' : ` ${subject}${rev === null ? '' : `, revision ${rev}`}:`
  return new CommandError('not-verified', `${file} does not hold.${where} ${reason}`, EXIT_REFUSED)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError('cannot-read', `${file} cannot be read: ${reasonOf(error)}.`, EXIT_ENVIRONMENT, {
      cause: error,
    })
  }
}
