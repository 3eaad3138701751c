import { systemClock } from '@waxseal/index'
import type { IndexConfig } from '@waxseal/index'
import type { RestoreOutcome } from '@waxseal/index/keeping'
import { openBackup, restoreBackup } from '@waxseal/index/keeping'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { withoutPasswords } from '@waxseal/guard/redact'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { printResult, sizeText } from '../output.ts'
import { startProgress } from '../progress.ts'
import { shellWord } from '../shell-word.ts'
import { checkDocument, lostLines, unsound } from './backup-report.ts'

type BackupState = Awaited<ReturnType<typeof openBackup>>['manifest']
type Restored = Extract<RestoreOutcome, { readonly kind: 'restored' }>

interface RestoreOptions extends AdministerOptions {
  readonly database?: string
  readonly backup?: string
  readonly above?: number
  readonly allowMissing?: boolean
  readonly dryRun?: boolean
}

export function addRestore(program: Command): void {
  withIndexOptions(program.command('restore'))
    .description('restore a backup into an empty folder and, with PostgreSQL, an empty database')
    .argument('<source>', 'a folder of backups, or a tar file')
    .option('--backup <id>', 'this backup of the folder instead of the newest')
    .option('--database <url>', 'the PostgreSQL database to fill; without a password (PGPASSWORD, or WAXSEAL_DATABASE)')
    .option('--above <snapshot>', 'the highest snapshot that the lost index published, where it is known', snapshot)
    .option('--allow-missing', 'restore the rest where blobs are missing or damaged')
    .option('--dry-run', 'check everything, say what would be restored, and write nothing')
    .addHelpText('after', '\nExample:\n  waxseal restore /srv/backup/waxseal --data /var/lib/waxseal\n')
    .action((source: string, options: RestoreOptions) => restore(source, options))
}

function snapshot(text: string): number {
  const value = Number(text)
  if (/^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It has to be a snapshot number.')
}

async function restore(path: string, options: RestoreOptions): Promise<void> {
  const source = await openBackup(path, options.backup)
  const { index: config } = await loadConfig(options, process.env)
  const progress = startProgress(options.dryRun === true ? 'Checking' : 'Restoring')
  const { dataDir } = config
  const database =
    options.database === undefined ? config.database : ({ kind: 'postgres', url: urlOf(options.database) } as const)
  const outcome = await restoreBackup(source, {
    dataDir,
    database,
    signing: config.signing,
    clock: systemClock,
    allowMissing: options.allowMissing === true,
    dryRun: options.dryRun === true,
    ...(options.above === undefined ? {} : { above: options.above }),
    onProgress: progress.update.bind(progress),
  }).finally(() => progress.end())
  const { id, at, snapshot: from } = source.manifest
  const { kind, check } = outcome
  const document = { outcome: kind, backup: id, at, from, ...checkDocument(check), ...restoredDocument(outcome) }
  if (kind === 'damaged' || kind === 'incomplete') {
    const hint = kind === 'damaged' ? [] : ['With --allow-missing the rest is restored.']
    const text = [`Nothing was restored: ${unsound(check) ?? ''}`, ...lostLines(check), ...hint].join('\n')
    throw new CommandError('backup-damaged', text, EXIT_REFUSED, { data: document })
  }
  const rows = (table: string): number => check.rows.get(table) ?? 0
  const lines = [
    `${kind === 'checked' ? 'Would restore' : 'Restored'} the backup ${id}, the state of ${at}:`,
    `projects ${rows('project')}, releases ${rows('release')}, files ${rows('file')}, users ${rows('user')}, tokens ${rows('token')};`,
    `blobs ${check.blobs.count}, ${sizeText(check.blobs.bytes)}.`,
    ...(check.lostCount === 0 ? [] : [`Missing blobs: ${check.lostCount}`, ...lostLines(check)]),
    ...restoredLines(outcome, source.manifest),
    ...(outcome.kind === 'restored' ? startLines(dataDir, database) : []),
  ]
  printResult(options, document, lines)
}

/** Arguments can be read by every process of the machine. */
function urlOf(text: string): string {
  const url = /^postgres(?:ql)?:\/\//.test(text) ? URL.parse(text) : null
  if (url === null) throw new CommandError('wrong-use', '--database wants postgres://user@host/name.', EXIT_USAGE)
  if (url.password === '') return text
  throw new CommandError(
    'wrong-use',
    'A password in an argument can be read by others: give it in PGPASSWORD, or the whole URL in WAXSEAL_DATABASE.',
    EXIT_USAGE,
  )
}

function restoredDocument(outcome: RestoreOutcome): object {
  if (outcome.kind !== 'restored') return {}
  const { above, snapshot: now, unpublished, signing, config, served } = outcome
  return { above, snapshot: now, unpublished, signing, config: config ?? null, served: served ?? null }
}

function restoredLines(outcome: RestoreOutcome, { snapshot: from, at }: BackupState): readonly string[] {
  if (outcome.kind !== 'restored') return []
  const { above, snapshot: now, unpublished, signing, config, served } = outcome
  return [
    signing.kind === 'waiting'
      ? `Nothing is published yet: that happens, under snapshots above ${above} (the backup had ${from}), when a server starts that has the keys.`
      : `Everything is published again under snapshots above ${above} (the backup had ${from}); the newest is ${now}.`,
    ...signingLines(signing, at),
    ...unpublished.map((project) => `The page of ${project} could not be written; its old one stays.`),
    ...(config === undefined ? [] : [`The configuration of then is in ${config}: look it through and rename it.`]),
    ...(served === undefined ? [] : [`It was served with ${servedLine(served)}; its first start wants the same.`]),
  ]
}

function signingLines(signing: Restored['signing'], at: string): readonly string[] {
  if (signing.kind === 'unsigned') return []
  const ceremonies = `Was a ceremony held after ${at}? Then bring in again what it signed, before the first start: clients have seen it.`
  if (signing.kind !== 'waiting')
    return ['It is signed, all versions above those that clients can have seen.', ceremonies]
  return [...signing.problem.split('\n'), ceremonies]
}

/** Without its database the folder is refused: every command has to be told where that is. */
function startLines(dataDir: string, database: IndexConfig['database']): readonly string[] {
  const serve = `waxseal serve --data ${shellWord(dataDir)}`
  if (database.kind === 'sqlite') return ['Start it with:', `  ${serve}`]
  return [
    'Start it with the same database (its password in the URL, or in PGPASSWORD); every other command needs it too:',
    `  WAXSEAL_DATABASE=${shellWord(withoutPasswords(database.url))} ${serve}`,
  ]
}

function servedLine({ prefixes, upstreams, reading }: NonNullable<Restored['served']>): string {
  return [
    `prefixes: ${prefixes.join(', ') || 'none'}`,
    `upstreams: ${upstreams.map(({ name, url }) => (url === undefined ? name : `${name}=${url}`)).join(', ') || 'none'}`,
    `reading: ${reading ?? 'not noted'}`,
  ].join('; ')
}
