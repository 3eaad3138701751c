import type { Explanation } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, counted, printResult } from '../output.ts'

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

/** What people get; `--json` has more. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const { sentence, authority, source, status, statusReason, withheld, decisions } = explanation
  return [
    sentence,
    ...columns([
      ['authority', authority],
      ['answered from', source ?? 'nowhere'],
      ['status', statusReason === null ? status : `${status}: ${statusReason}`],
      ...(explanation.upstreamCheckedAt === null ? [] : [['upstream answered', explanation.upstreamCheckedAt]]),
      ['offered', offeredText(explanation)],
      ['withheld', withheldText(explanation)],
    ]),
    ...columns(withheld.map(({ filename, code, since, reason }) => [`  ${filename}`, code, since ?? '', reason])),
    ...decisions.map(({ rev, at, actor, sentence: decided }) => `decision ${rev}, ${at}, ${actor}: ${decided}`),
    // What is explained is what was recorded; that an upstream fails at present is not.
    ...(source === null && authority === 'unclaimed' ? ['Whether the upstreams answer: waxseal upstream check'] : []),
  ]
}

function offeredText({ offered, offeredCount }: Explanation): string {
  const yanked = offered.filter((file) => file.yanked).length
  const of = offered.length === offeredCount ? '' : `of the newest ${offered.length} `
  return `${counted(offeredCount, 'file')}${yanked === 0 ? '' : `, ${of}${yanked} yanked`}`
}

function withheldText({ withheld, withheldCount }: Explanation): string {
  const count = counted(withheldCount, 'file')
  return withheld.length === withheldCount ? count : `${count}, of which the newest ${withheld.length}:`
}
