import { addMember, AS_OPERATOR, holderText, holderWords, isOurs, membersOf, removeMember } from '@waxseal/index'
import type { Holder } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change, unknownProject } from './changes.ts'
import { parseHolder } from './parse-holder.ts'

const ROLES = ['owner', 'maintainer'] as const

interface RoleOptions extends AdministerOptions {
  readonly role: (typeof ROLES)[number]
}

/** `waxseal project members`, `add-member` and `remove-member`. */
export function addProjectMembers(project: Command): void {
  withExample(withIndexOptions(project.command('members')), 'waxseal project members billing')
    .description('list who owns and maintains a project')
    .argument('<name>')
    .action((raw: string, options: AdministerOptions) =>
      administer(options, async ({ store }) => {
        const name = normalizeProjectName(raw)
        const row = await store.db.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
        if (row === undefined) throw unknownProject(name)
        const found = await membersOf(store.db, name)
        const members = found.map(({ role, since, ...one }) => ({ holder: holderText(one), role, since }))
        const rows = members.map(({ holder, role, since }) => [holder, role, since])
        const none = isOurs(row)
          ? 'It has no members: whoever may upload may upload to it.'
          : 'It is not ours: nobody uploads to it.'
        printResult(options, { members }, rows.length === 0 ? [none] : columns([['WHO', 'ROLE', 'SINCE'], ...rows]))
      }),
    )
  withExample(
    withIndexOptions(project.command('add-member')),
    'waxseal project add-member billing team:core --role owner',
  )
    .description('let a user or a team upload to a project and yank (maintainer), or decide about it too (owner)')
    .argument('<name>')
    .argument('<who>', 'a user, or team:NAME', parseHolder)
    .addOption(new Option('--role <role>', 'what they may').choices(ROLES).default('maintainer'))
    .action((raw: string, holder: Holder, options: RoleOptions) => {
      const name = normalizeProjectName(raw)
      const { role } = options
      return change(options, `${holderWords(holder)} is ${role} of ${name}`, ({ store, clock }) =>
        addMember(store, clock, { project: name, holder, role, ...AS_OPERATOR }),
      )
    })
  withExample(withIndexOptions(project.command('remove-member')), 'waxseal project remove-member billing bob')
    .description('take a user or a team out of a project, and revoke the tokens for it alone of those who left')
    .argument('<name>')
    .argument('<who>', 'a user, or team:NAME', parseHolder)
    .action((raw: string, holder: Holder, options: AdministerOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `${holderWords(holder)} is no member of ${name}`, ({ store, clock }) =>
        removeMember(store, clock, { project: name, holder, ...AS_OPERATOR }),
      )
    })
}
