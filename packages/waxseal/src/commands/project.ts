import { AS_OPERATOR } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { Argument } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change } from './changes.ts'
import { addProjectClaim } from './project-claim.ts'
import { addProjectMembers } from './project-members.ts'
import { addProjectTransfer } from './project-transfer.ts'

interface ReasonOptions extends AdministerOptions {
  readonly reason?: string
}

const STATUSES = ['active', 'archived', 'quarantined', 'deprecated'] as const

export function addProject(program: Command): void {
  const project = program.command('project').description('claim names, set their status, delete what they hold')
  addProjectClaim(project)
  withExample(
    withIndexOptions(project.command('status')),
    'waxseal project status billing archived --reason "moved to invoices"',
  )
    .description(
      'set the status of a project (PEP 792): archived and quarantined refuse uploads, quarantined offers nothing',
    )
    .argument('<name>')
    .addArgument(new Argument('<status>').choices(STATUSES))
    .option('--reason <text>', 'shown to who asks')
    .action((raw: string, status: (typeof STATUSES)[number], options: ReasonOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `${name} is ${status}`, (index) =>
        index.management.setStatus(name, { status, reason: options.reason }, AS_OPERATOR),
      )
    })
  withExample(withIndexOptions(project.command('delete')), 'waxseal project delete billing --yes')
    .description('delete all files of a project; the name stays internal and its file names stay used')
    .argument('<name>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, options: AdministerOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `The files of ${name} are deleted`, (index) =>
        index.management.deleteProject(name, AS_OPERATOR),
      )
    })
  withExample(withIndexOptions(project.command('list')), 'waxseal project list --json')
    .description('list the names that the index has a record of, and who answers for them')
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
  addProjectMembers(project)
  addProjectTransfer(project)
}
