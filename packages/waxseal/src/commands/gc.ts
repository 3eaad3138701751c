import type { Collection } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult, sizeText } from '../output.ts'
import { startProgress } from '../progress.ts'

interface GcOptions extends AdministerOptions {
  readonly dryRun: boolean
}

export function addGc(program: Command): void {
  withExample(withIndexOptions(program.command('gc')), 'waxseal gc --dry-run')
    .description('free what is not needed: mark it, wait for the grace period, delete it')
    .option('--dry-run', 'only say what would be done', false)
    .action((options: GcOptions) =>
      administer(options, async (index) => {
        const progress = startProgress('Looking at blobs')
        try {
          const collection = await index.collectGarbage({
            dryRun: options.dryRun,
            progress: (blobs) => progress.update(blobs, undefined, 'blobs'),
          })
          progress.end()
          printResult(options, collection, lines(collection))
        } finally {
          progress.end()
        }
      }),
    )
}

function lines(collection: Collection): readonly string[] {
  const { dryRun, takenBack, dropped, supersededPages, supersededMetadata, oldEvents, leftovers, garbage } = collection
  const { used, marked, waiting, young, swept, nextSweepAt } = garbage
  const row = (name: string, count: number, bytes: number, note: string): readonly string[] => [
    name,
    String(count),
    sizeText(bytes),
    note,
  ]
  const rows = [
    row('in use', used.blobs, used.bytes, 'blobs that rows refer to'),
    row(dryRun ? 'to be deleted' : 'deleted', swept.blobs, swept.bytes, 'blobs marked a grace period ago'),
    row('waiting', waiting.blobs, waiting.bytes, 'blobs marked before, still in their grace period'),
    row(dryRun ? 'to be marked' : 'marked', marked.blobs, marked.bytes, 'blobs that nothing refers to'),
    row('too new', young.blobs, young.bytes, 'blobs without a row yet, perhaps of an upload under way'),
    row('leftovers', leftovers.files, leftovers.bytes, 'files that ended processes left half-written'),
    ...(dropped === undefined
      ? []
      : [
          row(
            'old versions',
            dropped.files,
            dropped.bytes,
            `files of ${dropped.projects} projects, by upstream-versions`,
          ),
        ]),
    ...(takenBack === 0
      ? []
      : [['taken back', String(takenBack), '', 'given up before, and not to be had from its upstream now']]),
    ['old pages', String(supersededPages), '', 'replaced longer ago than superseded-hours'],
    ['old metadata', String(supersededMetadata), '', 'signed, and superseded longer ago than that; never a root'],
    ['old events', String(oldEvents), '', 'of a year ago, of the kinds that strangers cause'],
  ]
  return [
    dryRun ? 'Nothing was changed. A collection now would find:' : 'Collected:',
    ...columns(rows).map((line) => `  ${line}`),
    ...(nextSweepAt === undefined ? [] : [`What is marked is deleted by a collection after ${nextSweepAt}.`]),
  ]
}
