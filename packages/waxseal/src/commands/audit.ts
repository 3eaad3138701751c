import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { auditRecords, MAX_AUDIT, readNewestAudit, verifyAudit } from '@waxseal/index'
import type { Administration, AuditRecord } from '@waxseal/index'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions, withPlaceOptions } from '../administer.ts'
import type { ConfigOptions } from '../config/options.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { instant } from '../instant.ts'
import { counted, printResult } from '../output.ts'

interface ListOptions extends AdministerOptions {
  readonly since?: string
  readonly actor?: string
  readonly subject?: string
  readonly action?: string
  readonly limit: number
}

const DEFAULT_LIMIT = 20

export function addAudit(program: Command): void {
  const audit = program
    .command('audit')
    .description('who did what: list it, export it, verify that nothing was changed')
  withExample(withIndexOptions(audit.command('list')), 'waxseal audit list --subject billing --since 2027-01-31')
    .description('list the newest actions: who, with which credential, from where, and what each changed')
    .option('--since <time>', 'those since then: ISO 8601, for example 2027-01-31', since)
    .option('--actor <name>', 'those of this user, or of operator')
    .option('--subject <name>', 'those that were done to it: a project, a user, the id of a token')
    .option('--action <kind>', 'those of this kind, for example token-created')
    .option('--limit <n>', `at most so many, up to ${MAX_AUDIT}`, atMost, DEFAULT_LIMIT)
    .action((options: ListOptions) => administer(options, (index) => list(index, options)))
  withExample(withPlaceOptions(audit.command('export')), 'waxseal audit export > audit.ndjson')
    .description('print all of it, the oldest first, one JSON document a line')
    .option('--after <id>', 'what follows this record only', recordId, 0)
    .action((options: ConfigOptions & { readonly after: number }) =>
      administer(options, ({ store }) => printLines(auditRecords(store, options.after))),
    )
  withExample(
    withIndexOptions(audit.command('verify')),
    'waxseal audit verify --head "$(tail -n 1 audit.ndjson | jq -r .hash)"',
  )
    .description('recompute the chain; exit code 1, and the first record that does not hold, when it was changed')
    .option(
      '--head <hash>',
      'a hash that was seen before, and has to be in it: else nobody misses an end that was cut off',
      hash,
    )
    .action((options: AdministerOptions & { readonly head?: string }) =>
      administer(options, (index) => verify(index, options)),
    )
}

async function list({ store }: Administration, options: ListOptions): Promise<void> {
  const { limit, since: from, actor, subject, action } = options
  const records = await readNewestAudit(store, limit, { since: from, actor, subject, action })
  printResult(options, { records }, records.map(line))
}

async function verify(
  { store }: Administration,
  options: AdministerOptions & { readonly head?: string },
): Promise<void> {
  const verdict = await verifyAudit(auditRecords(store), options.head)
  if (verdict.kind === 'holds') {
    const { records, head } = verdict
    const end = head === null ? [] : [`Its head, to keep elsewhere: ${head}`]
    return printResult(options, { holds: true, records, head }, [
      `The audit holds: ${counted(records, 'record')}.`,
      ...end,
    ])
  }
  const { id, problem } = verdict
  printResult(options, { holds: false, id, problem }, [`The audit does not hold: record ${id}: ${problem}.`])
  process.exitCode = EXIT_REFUSED
}

/** However many there are, none waits in memory for a reader that stands still. */
async function printLines(documents: AsyncIterable<unknown>): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    for await (const document of documents) yield `${JSON.stringify(document)}\n`
  }
  let isLost = false
  process.stdout.once('error', () => (isLost = true))
  try {
    await pipeline(Readable.from(text()), process.stdout, { end: false })
  } catch (error) {
    // What `main.ts` tells: nobody reads any more, or the disk is full.
    if (!isLost) throw error
  }
}

function line({ id, at, action, actor, credential, address, subject, before, after }: AuditRecord): string {
  const from = [...(credential === null ? [] : [credential]), ...(address === null ? [] : [address])].join(', ')
  const who = actor === null && from === '' ? [] : [`by ${actor ?? 'nobody known'}${from === '' ? '' : ` (${from})`}`]
  const states = [
    ...(before === null ? [] : [`before=${JSON.stringify(before)}`]),
    ...(after === null ? [] : [`after=${JSON.stringify(after)}`]),
  ]
  return [id, at, action, ...who, ...(subject === null ? [] : [subject]), ...states].join('  ')
}

function since(text: string): string {
  const time = instant(text)
  if (time !== undefined) return new Date(time).toISOString()
  throw new InvalidArgumentError('It has to be a time, for example 2027-01-31 or 2027-01-31T12:00:00Z.')
}

function recordId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be the id of a record, or 0 for all.')
}

function atMost(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MAX_AUDIT) return limit
  throw new InvalidArgumentError(`It has to be a number from 1 to ${MAX_AUDIT}.`)
}

function hash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new InvalidArgumentError('It has to be the hash of a record: 64 hex digits.')
}
