import type { Explanation } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'

export function addWhy(program: Command): void {
  withExample(withIndexOptions(program.command('why')), 'waxseal why requests')
    .description('explain a name: who answers for it, what is offered, what is withheld and why')
    .argument('<name>')
    .argument('[version]')
    .action((raw: string, version: string | undefined, options: AdministerOptions) =>
      administer(options, async (index) => {
        const explanation = await index.management.explain(normalizeProjectName(raw), version)
        printResult(options, explanation, explanationLines(explanation))
      }),
    )
}

function explanationLines(explanation: Explanation): readonly string[] {
  const { sentence, authority, source, status, statusReason, withheld, decisions } = explanation
  return [
    sentence,
    ...columns([
      ['authority', authority],
      ['answered from', source ?? 'nowhere'],
      ['status', statusReason === null ? status : `${status}: ${statusReason}`],
      ...(explanation.upstreamCheckedAt === null ? [] : [['upstream answered', explanation.upstreamCheckedAt]]),
      ['offered', `${explanation.offeredCount} files`],
      ['withheld', withheldText(explanation)],
    ]),
    ...columns(withheld.map(({ filename, code, since, reason }) => [`  ${filename}`, code, since ?? '', reason])),
    ...decisions.map(({ rev, at, actor, sentence: decided }) => `decision ${rev}, ${at}, ${actor}: ${decided}`),
  ]
}

function withheldText({ withheld, withheldCount }: Explanation): string {
  return withheld.length === withheldCount
    ? `${withheldCount} files`
    : `${withheldCount} files, of which the newest ${withheld.length}:`
}
