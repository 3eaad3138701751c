import { AS_OPERATOR } from '@waxseal/index'
import type { KnownFile } from '@waxseal/index'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { columns, printResult, sizeText } from '../output.ts'
import { change, unknownProject } from './changes.ts'

export function addFile(program: Command): void {
  const file = program.command('file').description('list, show and delete single files')
  withExample(withIndexOptions(file.command('list')), 'waxseal file list billing 1.4')
    .description('list the files that are known of a project or of one release, offered or not')
    .argument('<project>')
    .argument('[version]')
    .action((raw: string, version: string | undefined, options: AdministerOptions) =>
      administer(options, async ({ management }) => {
        const project = normalizeProjectName(raw)
        const files = await management.files(project, { version })
        if (files === undefined) throw unknownProject(project)
        const rows = files.map((one) => [one.filename, one.version, sizeText(one.size), one.source, stateOf(one)])
        printResult(options, { project, files }, columns([['FILE', 'VERSION', 'SIZE', 'FROM', 'STATE'], ...rows]))
      }),
    )
  withExample(withIndexOptions(file.command('show')), 'waxseal file show billing billing-1.4-py3-none-any.whl')
    .description('show all that is known of a file: digest, size, origin, and why it is not offered')
    .argument('<project>')
    .argument('<filename>')
    .action((raw: string, filename: string, options: AdministerOptions) =>
      administer(options, async ({ management }) => {
        const project = normalizeProjectName(raw)
        const files = await management.files(project, { filename })
        if (files === undefined) throw unknownProject(project)
        if (files.length === 0) {
          const message = `${project} has no file ${filename}; see: waxseal file list ${project}`
          throw new CommandError('not-found', message, EXIT_REFUSED)
        }
        printResult(options, { project, files }, files.flatMap(fileLines))
      }),
    )
  withExample(
    withIndexOptions(file.command('delete')),
    'waxseal file delete billing billing-1.4-py3-none-any.whl --yes',
  )
    .description('delete one file; its name stays used for ever')
    .argument('<project>')
    .argument('<filename>')
    .requiredOption('--yes', 'really: this cannot be undone')
    .action((raw: string, filename: string, options: AdministerOptions) =>
      change(options, `Deleted ${filename}`, (index) =>
        index.management.deleteFile(normalizeProjectName(raw), filename, AS_OPERATOR),
      ),
    )
}

function stateOf({ withheld, yanked }: KnownFile): string {
  if (withheld !== null) return withheld.code
  return yanked === false ? 'offered' : 'yanked'
}

function fileLines(file: KnownFile): readonly string[] {
  const { filename, version, kind, source, size, sha256, withheld, yanked } = file
  return columns([
    ['file', filename],
    ['version', `${version} (${kind})`],
    ['from', source],
    ['state', withheld === null ? stateOf(file) : `${withheld.code}: ${withheld.reason}`],
    ...(typeof yanked === 'string' ? [['yanked because', yanked]] : []),
    ['sha256', sha256 ?? 'not known yet'],
    ['size', size === null ? 'not known' : `${size} bytes`],
    ['requires Python', file.requires_python ?? 'any'],
    ['uploaded', `${file.upload_time}${file.uploaded_by === null ? '' : ` by ${file.uploaded_by}`}`],
    ['bytes', file.stored ? 'stored here' : 'fetched at the first download'],
  ])
}
