import { createTeam, deleteTeam, joinTeam, leaveTeam, listTeams, OPERATOR } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change } from './changes.ts'

export function addTeam(program: Command): void {
  const team = program.command('team').description('teams of users, who hold projects together')
  withExample(withIndexOptions(team.command('create')), 'waxseal team create core')
    .description('make a team, with nobody in it')
    .argument('<name>', 'lower-case letters, digits, ".", "_" and "-"')
    .action((name: string, options: AdministerOptions) =>
      change(options, `Made the team ${name}`, ({ store, clock }) => createTeam(store, clock, name, OPERATOR)),
    )
  withExample(withIndexOptions(team.command('delete')), 'waxseal team delete core')
    .description('delete a team that is a member of no project')
    .argument('<name>')
    .action((name: string, options: AdministerOptions) =>
      change(options, `The team ${name} is deleted`, ({ store, clock }) => deleteTeam(store, clock, name, OPERATOR)),
    )
  withExample(withIndexOptions(team.command('add')), 'waxseal team add core alice')
    .description('put a user into a team')
    .argument('<name>')
    .argument('<user>')
    .action((name: string, user: string, options: AdministerOptions) =>
      change(options, `${user} is in the team ${name}`, ({ store, clock }) =>
        joinTeam(store, clock, { team: name, user, actor: OPERATOR }),
      ),
    )
  withExample(withIndexOptions(team.command('remove')), 'waxseal team remove core alice')
    .description('take a user out of a team; what they could do through it ends at once')
    .argument('<name>')
    .argument('<user>')
    .action((name: string, user: string, options: AdministerOptions) =>
      change(options, `${user} is no longer in the team ${name}`, ({ store, clock }) =>
        leaveTeam(store, clock, { team: name, user, actor: OPERATOR }),
      ),
    )
  withExample(withIndexOptions(team.command('list')), 'waxseal team list')
    .description('list teams and who is in them')
    .action((options: AdministerOptions) =>
      administer(options, async ({ store }) => {
        const teams = await listTeams(store)
        printResult(
          options,
          { teams },
          columns([['NAME', 'USERS'], ...teams.map(({ name, members }) => [name, members.join(', ')])]),
        )
      }),
    )
}
