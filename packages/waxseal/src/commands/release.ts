import { AS_OPERATOR, releasesOf } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change, unknownProject } from './changes.ts'

interface ReasonOptions extends AdministerOptions {
  readonly reason?: string
}

export function addRelease(program: Command): void {
  const release = program.command('release').description('list, yank, un-yank and delete releases')
  withExample(withIndexOptions(release.command('list')), 'waxseal release list billing')
    .description('list the releases of a project, offered or not')
    .argument('<project>')
    .action((raw: string, options: AdministerOptions) =>
      administer(options, async ({ management }) => {
        const name = normalizeProjectName(raw)
        const files = await management.files(name)
        if (files === undefined) throw unknownProject(name)
        const releases = releasesOf(files)
        const rows = releases.map(({ version, files: known, offered, yanked }) => [
          version,
          `${offered} of ${known}`,
          yanked ? 'yanked' : offered === 0 ? 'not offered' : 'offered',
        ])
        printResult(options, { project: name, releases }, columns([['VERSION', 'FILES OFFERED', 'STATE'], ...rows]))
      }),
    )
  withExample(
    withIndexOptions(release.command('yank')),
    'waxseal release yank billing 1.4 --reason "loses invoices; use 1.4.1"',
  )
    .description('yank a release: installers pass it over unless it is pinned (PEP 592)')
    .argument('<project>')
    .argument('<version>')
    .option('--reason <text>', 'printed by installers')
    .option('--file <filename>', 'this file of it only')
    .action((raw: string, version: string, options: ReasonOptions & { readonly file?: string }) => {
      const files = { project: normalizeProjectName(raw), version, filename: options.file }
      return change(options, `Yanked ${raw} ${version}`, (index) =>
        index.management.yank(files, options.reason, AS_OPERATOR),
      )
    })
  withExample(withIndexOptions(release.command('unyank')), 'waxseal release unyank billing 1.4')
    .description('take a yank back')
    .argument('<project>')
    .argument('<version>')
    .option('--file <filename>', 'this file of it only')
    .action((raw: string, version: string, options: AdministerOptions & { readonly file?: string }) => {
      const files = { project: normalizeProjectName(raw), version, filename: options.file }
      return change(options, `${raw} ${version} is not yanked any more`, (index) =>
        index.management.unyank(files, AS_OPERATOR),
      )
    })
  withExample(withIndexOptions(release.command('delete')), 'waxseal release delete billing 1.4 --yes')
    .description('delete a release; its file names stay used for ever')
    .argument('<project>')
    .argument('<version>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, version: string, options: AdministerOptions) =>
      change(options, `Deleted ${raw} ${version}`, (index) =>
        index.management.deleteRelease(normalizeProjectName(raw), version, AS_OPERATOR),
      ),
    )
}
