import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { Argument } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { columns, printResult } from '../output.ts'
import { change, OPERATOR } from './changes.ts'

interface ReasonOptions extends AdministerOptions {
  readonly reason?: string
}

const STATUSES = ['active', 'archived', 'quarantined', 'deprecated'] as const

export function addProject(program: Command): void {
  const project = program.command('project').description('claim names, set their status, delete what they hold')
  withIndexOptions(project.command('claim'))
    .description('make a name internal, whatever upstreams have; it never falls back to them')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  waxseal project claim billing\n')
    .action((raw: string, options: AdministerOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `${name} is internal`, (index) => index.management.claim(name, OPERATOR))
    })
  withIndexOptions(project.command('status'))
    .description(
      'set the status of a project (PEP 792): archived and quarantined refuse uploads, quarantined offers nothing',
    )
    .argument('<name>')
    .addArgument(new Argument('<status>').choices(STATUSES))
    .option('--reason <text>', 'shown to who asks')
    .action((raw: string, status: (typeof STATUSES)[number], options: ReasonOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `${name} is ${status}`, (index) =>
        index.management.setStatus(name, { status, reason: options.reason, administrator: true }, OPERATOR),
      )
    })
  withIndexOptions(project.command('delete'))
    .description('delete all files of a project; the name stays internal and its file names stay used')
    .argument('<name>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, options: AdministerOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `The files of ${name} are deleted`, (index) =>
        index.management.deleteProject(name, OPERATOR),
      )
    })
  withIndexOptions(project.command('list'))
    .description('list the projects that have a page')
    .action((options: AdministerOptions) =>
      administer(options, async ({ store }) => {
        const projects = await store.db
          .selectFrom('project')
          .select(['name', 'authority', 'upstream', 'status'])
          .orderBy('name')
          .execute()
        const rows = projects.map(({ name, authority, upstream, status }) => [name, authority, upstream ?? '', status])
        printResult(options, { projects }, columns([['NAME', 'AUTHORITY', 'UPSTREAM', 'STATUS'], ...rows]))
      }),
    )
}

export function addRelease(program: Command): void {
  const release = program.command('release').description('yank, un-yank and delete releases')
  withIndexOptions(release.command('yank'))
    .description('yank a release: installers pass it over unless it is pinned (PEP 592)')
    .argument('<project>')
    .argument('<version>')
    .option('--reason <text>', 'printed by installers')
    .option('--file <filename>', 'this file of it only')
    .addHelpText('after', '\nExample:\n  waxseal release yank billing 1.4 --reason "loses invoices; use 1.4.1"\n')
    .action((raw: string, version: string, options: ReasonOptions & { readonly file?: string }) => {
      const files = { project: normalizeProjectName(raw), version, filename: options.file }
      return change(options, `Yanked ${raw} ${version}`, (index) =>
        index.management.yank(files, options.reason, OPERATOR),
      )
    })
  withIndexOptions(release.command('unyank'))
    .description('take a yank back')
    .argument('<project>')
    .argument('<version>')
    .option('--file <filename>', 'this file of it only')
    .action((raw: string, version: string, options: AdministerOptions & { readonly file?: string }) => {
      const files = { project: normalizeProjectName(raw), version, filename: options.file }
      return change(options, `${raw} ${version} is not yanked any more`, (index) =>
        index.management.unyank(files, OPERATOR),
      )
    })
  withIndexOptions(release.command('delete'))
    .description('delete a release; its file names stay used for ever')
    .argument('<project>')
    .argument('<version>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, version: string, options: AdministerOptions) =>
      change(options, `Deleted ${raw} ${version}`, (index) =>
        index.management.deleteRelease(normalizeProjectName(raw), version, OPERATOR),
      ),
    )
}

export function addFile(program: Command): void {
  const file = program.command('file').description('delete single files')
  withIndexOptions(file.command('delete'))
    .description('delete one file; its name stays used for ever')
    .argument('<project>')
    .argument('<filename>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, filename: string, options: AdministerOptions) =>
      change(options, `Deleted ${filename}`, (index) =>
        index.management.deleteFile(normalizeProjectName(raw), filename, OPERATOR),
      ),
    )
}
