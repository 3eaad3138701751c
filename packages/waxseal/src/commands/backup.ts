import { join } from 'node:path'
import { BACKUP_WAIT_SECONDS } from '@waxseal/index'
import { backupsAt, backUp, checkBackup, noteBackupCheck, openBackup } from '@waxseal/index/keeping'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { CONFIG_NAME, findConfigFile } from '../config/read-file.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { positive } from '../option-number.ts'
import type { Output } from '../output.ts'
import { columns, printResult, sizeText } from '../output.ts'
import { startProgress } from '../progress.ts'
import { VERSION } from '../version.ts'
import { backupDocument, backupLines, checkDocument, lostLines, missingSentence, unsound } from './backup-report.ts'

interface CreateOptions extends AdministerOptions {
  readonly file?: boolean
  readonly keep?: number
  readonly wait: number
}

export function addBackup(program: Command): void {
  const backup = program
    .command('backup')
    .description('back up the index, beside a running server or without one')
    .addHelpText('after', '\nExample:\n  waxseal backup /srv/backup/waxseal --keep 14\n')
  withIndexOptions(backup.command('create', { isDefault: true }))
    .description('write a backup; "waxseal backup DEST" is the same')
    .argument('<dest>', 'a folder that holds the backups and their common blobs, or a file that ends in .tar')
    .option('--file', 'write one tar file, whatever its name')
    .option('--keep <n>', 'afterwards keep only the newest N backups of the folder', positive)
    .option(
      '--wait <seconds>',
      'how long to wait while a collection, a repair or another backup is at work; 0: not at all',
      seconds,
      BACKUP_WAIT_SECONDS,
    )
    .addHelpText('after', '\nExample:\n  waxseal backup /srv/backup/waxseal --keep 14\n')
    .action((dest: string, options: CreateOptions) => create(dest, options))
  backup
    .command('verify')
    .description('read a backup again and hold everything in it against its digests')
    .argument('<source>', 'a folder of backups, or a tar file')
    .option('--backup <id>', 'this backup of the folder instead of the newest')
    .option('--data <dir>', 'the folder of the index whose "waxseal status" is to tell of it')
    .option('--config <file>', 'the configuration file of that index')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nExample:\n  waxseal backup verify /srv/backup/waxseal --data /var/lib/waxseal\n')
    .action((source: string, options: AdministerOptions & { readonly backup?: string }) => verify(source, options))
  backup
    .command('list')
    .description('list the backups of a folder, or the one of a tar file')
    .argument('<source>', 'a folder of backups, or a tar file')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nExample:\n  waxseal backup list /srv/backup/waxseal\n')
    .action((source: string, options: Output) => list(source, options))
}

function seconds(text: string): number {
  if (/^[0-9]{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be a number of seconds.')
}

async function create(dest: string, options: CreateOptions): Promise<void> {
  const form = options.file === true || dest.endsWith('.tar') ? 'file' : 'folder'
  if (form === 'file' && options.keep !== undefined) {
    throw new CommandError('wrong-use', '--keep is for a folder of backups; a tar file is one backup.', EXIT_USAGE)
  }
  const { index: config } = await loadConfig(options, process.env)
  const progress = startProgress('Backing up')
  const onProgress = progress.update.bind(progress)
  const patience = {
    forMs: options.wait * 1000,
    onWait: (ms: number, holder: string) =>
      progress.update(Math.round(ms / 1000), undefined, `of ${options.wait} seconds waited for ${holder}`),
  }
  const file = findConfigFile(options, process.env) ?? join(config.dataDir, CONFIG_NAME)
  const target = { path: dest, form, ...(options.keep === undefined ? {} : { keep: options.keep }) } as const
  const report = await administer(options, ({ store, blobs, clock }) =>
    backUp({ store, blobs, clock, config: file, version: VERSION, onProgress, patience }, target),
  ).finally(() => progress.end())
  const document = backupDocument(report)
  if (report.manifest.blobs.missing > 0) {
    throw new CommandError('blob-missing', missingSentence(report), EXIT_REFUSED, { data: document })
  }
  printResult(options, document, backupLines(report))
}

async function verify(path: string, options: AdministerOptions & { readonly backup?: string }): Promise<void> {
  const source = await openBackup(path, options.backup)
  const { manifest } = source
  const progress = startProgress('Verifying')
  const check = await checkBackup(source, { onProgress: progress.update.bind(progress) }).finally(() => progress.end())
  const document = { backup: manifest.id, ...checkDocument(check) }
  const problem = unsound(check)
  // A copy is verified on machines that have no index: only one that was named is told.
  const told =
    options.data === undefined && options.config === undefined
      ? Promise.resolve()
      : administer(options, (index) => noteBackupCheck(index, { path: source.path, manifest, problem }))
  const [noted] = await Promise.allSettled([told])
  if (problem !== undefined) {
    const text = [`The backup ${manifest.id} is not whole: ${problem}`, ...lostLines(check)].join('\n')
    throw new CommandError('backup-damaged', text, EXIT_REFUSED, { data: document })
  }
  if (noted.status === 'rejected') throw noted.reason
  const { count, bytes } = check.blobs
  const line = `The backup ${manifest.id} is whole: all rows, and all blobs (${count}, ${sizeText(bytes)}).`
  printResult(options, document, [line])
}

async function list(path: string, options: Output): Promise<void> {
  const { whole, damaged } = await backupsAt(path)
  const backups = whole.map(({ id, at, snapshot, blobs, software }) => ({ id, at, snapshot, blobs, software }))
  const rows = backups.map(({ id, at, snapshot, blobs }) => [
    id,
    at,
    String(snapshot),
    String(blobs.count),
    sizeText(blobs.bytes),
    blobs.missing === 0 ? '' : `missing blobs: ${blobs.missing}`,
  ])
  const lines = columns([['BACKUP', 'AT', 'SNAPSHOT', 'BLOBS', 'SIZE', ''], ...rows])
  printResult(options, { backups, damaged }, [
    ...lines,
    ...damaged.map(({ id, reason }) => `${id} is damaged: ${reason}`),
  ])
}
