import { answerTransfer, AS_OPERATOR, askTransfer, holderText, holderWords, openTransfers } from '@waxseal/index'
import type { Holder } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { change } from './changes.ts'
import { parseHolder } from './parse-holder.ts'

const ANSWERS = [
  [
    'accept',
    'accepted',
    'accept a project for whom it is offered to: they own it alone, and what others had of it ends',
  ],
  ['decline', 'declined', 'decline a project for whom it is offered to'],
  ['withdraw', 'withdrawn', 'take back the offer of a project'],
] as const

/** `waxseal project transfer`, its answers, and the list of what is open. */
export function addProjectTransfer(project: Command): void {
  withExample(withIndexOptions(project.command('transfer')), 'waxseal project transfer billing team:finance')
    .description('offer a project to another owner; nothing changes before they accept')
    .argument('<name>')
    .argument('<who>', 'a user, or team:NAME', parseHolder)
    .action((raw: string, to: Holder, options: AdministerOptions) => {
      const name = normalizeProjectName(raw)
      return change(options, `${name} is offered to ${holderWords(to)}`, ({ store, clock }) =>
        askTransfer(store, clock, { project: name, to, ...AS_OPERATOR }),
      )
    })
  for (const [verb, answer, description] of ANSWERS) {
    withExample(withIndexOptions(project.command(verb)), `waxseal project ${verb} billing`)
      .description(description)
      .argument('<name>')
      .action((raw: string, options: AdministerOptions) => {
        const name = normalizeProjectName(raw)
        return change(options, `The transfer of ${name} is ${answer}`, ({ store, clock }) =>
          answerTransfer(store, clock, { project: name, answer, ...AS_OPERATOR }),
        )
      })
  }
  withExample(withIndexOptions(project.command('transfers')), 'waxseal project transfers --json')
    .description('list the projects that are offered to somebody')
    .action((options: AdministerOptions) =>
      administer(options, async ({ store }) => {
        const transfers = (await openTransfers(store.db, undefined)).map((one) => ({ ...one, to: holderText(one.to) }))
        const rows = transfers.map(({ project: name, to, askedAt, askedBy }) => [name, to, askedBy, askedAt])
        printResult(options, { transfers }, columns([['NAME', 'TO', 'BY', 'SINCE'], ...rows]))
      }),
    )
}
