import { OPERATOR, previewSentences } from '@waxseal/index'
import type { Administration, Holder } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { confirmed } from '../ask-passphrase.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { printResult, terminalText } from '../output.ts'
import { change } from './changes.ts'
import { parseHolder } from './parse-holder.ts'

interface ClaimOptions extends AdministerOptions {
  readonly owner?: Holder
  readonly prohibited?: boolean
  readonly lookAlike?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** `waxseal project claim`. */
export function addProjectClaim(project: Command): void {
  withExample(withIndexOptions(project.command('claim')), 'waxseal project claim billing --owner team:finance')
    .description('make a name internal, whatever upstreams have; it never falls back to them')
    .argument('<name>')
    .option(
      '--owner <who>',
      'who owns it from now on: a user, or team:NAME; without it whoever may upload may upload to it',
      parseHolder,
    )
    .option('--prohibited', 'although no project may have the name: it is that of a module, or on a list')
    .option('--look-alike', 'although the name is easily taken for another one')
    .option('--dry-run', 'only tell what would change, and for whom')
    .option('--yes', 'although files of an upstream are given out under the name, and will not be any more')
    .action((raw: string, options: ClaimOptions) => {
      const name = normalizeProjectName(raw)
      if (options.dryRun === true) return preview(options, name)
      const { owner, prohibited, lookAlike } = options
      return change(options, `${name} is internal`, async (index) => {
        if (options.yes !== true) await ask(index, name)
        return await index.management.claim(name, OPERATOR, { owner, consent: { prohibited, lookAlike } })
      })
    })
}

function preview(options: ClaimOptions, name: string): Promise<void> {
  return administer(options, async ({ management }) => {
    const found = await management.previewClaim(name)
    const sentences = previewSentences(found)
    printResult(options, { ...found, sentences }, sentences)
  })
}

/** Whoever claims what others install is shown whom it hits, and says yes to that. */
async function ask({ management }: Administration, name: string): Promise<void> {
  const found = await management.previewClaim(name)
  if (!found.changes) return
  const sentences = previewSentences(found)
  if (process.stdin.isTTY) {
    process.stderr.write(terminalText(sentences))
    if (await confirmed(`Claim ${name}?`)) return
    throw new CommandError('declined', 'Nothing was changed.', EXIT_REFUSED)
  }
  const message = `${sentences.join('\n')}\nNothing was changed. To claim it all the same: --yes`
  throw new CommandError('would-change', message, EXIT_REFUSED, { data: { ...found, sentences } })
}
