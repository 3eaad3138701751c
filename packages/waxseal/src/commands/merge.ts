import { OPERATOR } from '@waxseal/index'
import { MERGE_EXTENSIONS } from '@waxseal/index/names'
import type { MergeRule } from '@waxseal/index/names'
import { normalizeProjectName } from '@waxseal/packaging'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { change } from './changes.ts'

interface MergeOptions extends AdministerOptions {
  readonly owner: string
  readonly extender: string
  readonly extend: MergeRule['extend']
  readonly versions?: string
  readonly newer?: 'follow' | 'hold'
  readonly reason: string
}

export function addMerge(program: Command): void {
  withExample(
    withIndexOptions(program.command('merge')),
    'waxseal merge acme-app --owner local --extender pypi --extend platform-wheels --reason "they build for ARM"',
    'waxseal merge requests --owner pypi --extender local --extend newer-than-fork --newer hold --reason "our patch"',
  )
    .description('let a second source add to a name, by a rule; the owner’s files are never replaced')
    .argument('<name>')
    .requiredOption('--owner <source>', 'whom the name belongs to: local, or an upstream')
    .requiredOption('--extender <source>', 'who may add to it')
    .addOption(
      new Option('--extend <what>', 'wheels of the owner’s releases, releases it has not, or patches of its releases')
        .choices([...MERGE_EXTENSIONS])
        .makeOptionMandatory(),
    )
    .option('--versions <specifiers>', 'with older-versions: which, as "<2"')
    .addOption(
      new Option(
        '--newer <what>',
        'with newer-than-fork: whether releases of the owner above a patched one are offered',
      ).choices(['follow', 'hold']),
    )
    .requiredOption('--reason <text>', 'recorded with the decision')
    .action((raw: string, { owner, extender, extend, versions, newer, ...options }: MergeOptions) => {
      const project = normalizeProjectName(raw)
      const rule = { owner, extender, extend, versions, newer }
      return change(options, `${project} is merged from ${owner} and ${extender}`, ({ management }) =>
        management.merge({ project, rule, reason: options.reason }, OPERATOR),
      )
    })
}

export function addUnmerge(program: Command): void {
  withExample(withIndexOptions(program.command('unmerge')), 'waxseal unmerge acme-app --reason "not needed any more"')
    .description('end a merge: the name goes on with the source that it belongs to')
    .argument('<name>')
    .requiredOption('--reason <text>', 'recorded with the decision')
    .action((raw: string, options: AdministerOptions & { readonly reason: string }) => {
      const project = normalizeProjectName(raw)
      return change(options, `${project} is merged no more`, ({ management }) =>
        management.unmerge({ project, reason: options.reason }, OPERATOR),
      )
    })
}
