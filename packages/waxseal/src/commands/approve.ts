import { OPERATOR } from '@waxseal/index'
import type { Administration, KnownFile } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns } from '../output.ts'
import { collect } from '../repeated.ts'
import { printChange } from './changes.ts'
import { releaseArgument } from './release-argument.ts'

interface ApproveOptions extends AdministerOptions {
  readonly file?: string
  readonly sha256?: readonly string[]
}

export function addApprove(program: Command): void {
  withExample(
    withFiles(program.command('approve')),
    'waxseal approve requests==2.32.0',
    'waxseal approve requests==2.32.0 --file requests-2.32.0-py3-none-any.whl',
  )
    .description(
      'approve files of an upstream: shows their hashes, and approves exactly those; ends a cooldown, and decides whose a name is',
    )
    .action((release: string, options: ApproveOptions) =>
      administer(options, async (index) => {
        const { project } = releaseArgument(release)
        await index.management.found(project)
        const files = await filesOf(index, release, options)
        const sha256s = files.map(({ sha256 }) => sha256)
        const outcome = await index.management.approve({ project, sha256s }, OPERATOR)
        await printChange(options, index, outcome, [`Approved of ${project}:`, ...fileLines(files)], { files })
      }),
    )
}

export function addUnapprove(program: Command): void {
  withExample(withFiles(program.command('unapprove')), 'waxseal unapprove requests==2.32.0')
    .description('take back what anybody approved of these files')
    .action((release: string, options: ApproveOptions) =>
      administer(options, async (index) => {
        const { project } = releaseArgument(release)
        const files = await filesOf(index, release, options)
        const sha256s = files.map(({ sha256 }) => sha256)
        const outcome = await index.management.unapprove({ project, sha256s }, OPERATOR)
        await printChange(options, index, outcome, [`Approved no more of ${project}:`, ...fileLines(files)], { files })
      }),
    )
}

function withFiles(command: Command): Command {
  return withIndexOptions(command)
    .argument('<release>')
    .option('--file <filename>', 'this file of it only')
    .option('--sha256 <hash>', 'only what has these bytes: what somebody has looked at; may be repeated', collect)
}

interface ApprovedFile {
  readonly filename: string
  readonly sha256: string
}

/** What is meant, as it is at this moment: from here on only hashes are spoken of (attacks.md APP-TOCTOU). */
async function filesOf(
  { management }: Administration,
  release: string,
  { file: filename, sha256: wanted }: ApproveOptions,
): Promise<readonly ApprovedFile[]> {
  const { project, version } = releaseArgument(release)
  const known = (await management.files(project, { version, filename })) ?? []
  const files = known.flatMap(hashedFile).filter(({ sha256 }) => wanted === undefined || wanted.includes(sha256))
  const missing = wanted?.find((sha256) => !files.some((file) => file.sha256 === sha256))
  if (files.length > 0 && missing === undefined) return files
  const what = missing === undefined ? release : `${release} with the sha256 ${missing}`
  throw new CommandError('not-found', `No file is known of ${what}; see: waxseal file list ${project}`, EXIT_REFUSED)
}

function hashedFile({ filename, sha256, source }: KnownFile): readonly ApprovedFile[] {
  return sha256 === null || source === 'local' ? [] : [{ filename, sha256 }]
}

function fileLines(files: readonly ApprovedFile[]): readonly string[] {
  return columns(files.map(({ filename, sha256 }) => [`  ${sha256}`, filename]))
}
