import type { Diagnosis } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { examineThisMachine } from '../examine-this-machine.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { findingLines } from '../finding-lines.ts'
import { withExample } from '../help.ts'
import { printResult, sizeText } from '../output.ts'
import { startProgress } from '../progress.ts'

interface RepairOptions extends Omit<AdministerOptions, 'upstream'> {
  readonly repair: boolean
  readonly from?: string
  /** False: `--no-upstream`. */
  readonly upstream: boolean
  /** Not the index: what clients on this machine reach. */
  readonly client: boolean
  readonly trust?: string
}

export function addDoctor(program: Command): void {
  withExample(
    withIndexOptions(program.command('doctor')),
    'waxseal doctor --repair --from /backup/waxseal',
    'waxseal doctor --client',
  )
    .description('look at everything that is kept, every blob by its hash; exit code 1 while something is wrong')
    .option('--repair', 'mend what can be mended', false)
    .option('--from <dir>', "a backup's folder, to take lost files from")
    .option('--no-upstream', 'ask no upstream for what is missing')
    .option(
      '--client',
      'look at the configuration of pip, uv and others instead: what of it reaches another index',
      false,
    )
    .option('--trust <url>', 'with --client: the index that they should reach, where several are trusted')
    .action(async ({ upstream, client, trust, ...options }: RepairOptions) => {
      if (client) return await examineThisMachine(trust, options)
      return await administer(options, async (index) => {
        const progress = startProgress('Hashing')
        try {
          const diagnosis = await index.examine({
            repair: options.repair,
            from: options.from,
            ...(upstream ? {} : { askUpstreams: false }),
            progress: (done, total) => progress.update(done, total, 'bytes'),
          })
          progress.end()
          printResult(options, diagnosis, lines(diagnosis))
          if (diagnosis.left > 0) process.exitCode = EXIT_REFUSED
        } finally {
          progress.end()
        }
      })
    })
}

function lines({ checked, findings, counts, repaired, left }: Diagnosis): readonly string[] {
  const { blobs, bytes, references, pages, decisions, audit, roles } = checked
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const told = findings.length < all ? [`… and ${all - findings.length} more.`] : []
  return [
    ...findings.flatMap(findingLines),
    ...told,
    `Checked ${blobs} blobs (${sizeText(bytes)}), ${references} references to them, ${pages} pages, ${decisions} decisions, ${audit} audit records${roles === 0 ? '' : `, ${roles} signed roles`}.`,
    left > 0
      ? `${left} to look at${repaired > 0 ? `, ${repaired} repaired` : ''}.`
      : repaired > 0
        ? `All ${repaired} repaired.`
        : 'Nothing is wrong.',
  ]
}
