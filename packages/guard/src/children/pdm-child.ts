import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { childFile, nameBeside, textIfThere } from './child-file.ts'
import { findOptions, type OptionRule } from './command-options.ts'
import { checkPackageOrigin } from './locked-package.ts'
import { inFolder, mappedRequirement, refusedOption, type PreparedClient, type Preparing } from './preparing.ts'
import { checkProjectRequirements, readProjectFile, refusedSource } from './project-file.ts'
import type { RequirementsFiles } from './requirements-file.ts'
import { isTable, parseToml, strings, table, tables } from './toml.ts'
import { GuardError } from '../error.ts'

const RULES: readonly OptionRule<'refused' | 'requirement' | 'requirements' | 'project' | 'lock'>[] = [
  { names: ['--config', '-c'], means: 'refused', value: true },
  { names: ['--pip-args'], means: 'refused', value: true },
  { names: ['--editable', '-e'], means: 'requirement', value: true },
  { names: ['--override'], means: 'requirements', value: true },
  { names: ['--project', '-p'], means: 'project', value: true },
  { names: ['--lockfile', '-L'], means: 'lock', value: true },
]
const OTHER_SHORT = 'CGSkfos'
/** Words that are whole options of their own and the beginning of one above. */
const KNOWN: readonly OptionRule<'known'>[] = [{ names: ['--config-setting'], means: 'known', value: true }]

/** Checks what PDM is started with and the project that it works on; its lock is a mapped copy, which takes the lock's place. */
export async function preparePdm(
  args: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
  userConfig: TomlTable,
): Promise<PreparedClient> {
  if (args.includes('publish')) {
    throw new GuardError('client-unknown', '`waxseal run` does not publish: run `pdm publish` without it.', {
      data: { client: 'pdm' },
    })
  }
  let words = args
  let project = preparing.env['PDM_PROJECT']
  let lock = preparing.env['PDM_LOCKFILE']
  const options = findOptions(args, [...RULES, ...KNOWN], OTHER_SHORT)
  for (const option of options) {
    if (option.means === 'refused') throw refusedOption(preparing, option.name, 'pdm')
    if (option.value === undefined) continue
    if (option.means === 'requirement') words = option.replace(words, mappedRequirement(preparing, option.value, 'pdm'))
    if (option.means === 'requirements') words = option.replace(words, await files.prepare(option.value, preparing.cwd))
    if (option.means === 'project') project = option.value
    if (option.means === 'lock') lock = option.value
  }
  const values = new Set(options.filter(({ value }) => value !== undefined).map(({ place }) => place))
  words = words.map((word, at) =>
    values.has(at) || word.startsWith('-') ? word : mappedRequirement(preparing, word, 'pdm'),
  )
  const root = project === undefined ? projectRoot(preparing.cwd) : inFolder(preparing, project)
  if (root === undefined) return { args: words }
  const local = await checkProject(preparing, root)
  const place =
    lock === undefined ? join(root, defaultLock(preparing, root, [local, userConfig])) : inFolder(preparing, lock)
  const before = await textIfThere(place)
  if (before !== undefined) {
    for (const entry of tables(parseToml(before, place, 'lock-unreadable')['package'])) {
      checkPackageOrigin(preparing, place, strings(entry['name']).join(''), entry)
    }
  }
  const written = preparing.temporary.track(nameBeside(place))
  if (before !== undefined) await preparing.temporary.writeAt(written, preparing.urls.toLoopback(before))
  for (const option of options)
    if (option.means === 'lock' && option.value !== undefined) words = option.replace(words, written)
  return {
    args: words,
    env: { PDM_LOCKFILE: written },
    outputs: [childFile({ written, place, before, map: preparing.urls.toOrigin })],
    rewriteOutput: args.includes('export'),
  }
}

/** @throws configuration-refused for a source in a file of the project; what `pdm.toml` says. */
async function checkProject(preparing: Preparing, root: string): Promise<TomlTable> {
  const path = join(root, 'pyproject.toml')
  const project = (await readProjectFile(path)) ?? {}
  for (const source of tables(table(table(project['tool'])['pdm'])['source'])) {
    throw refusedSource(
      preparing,
      path,
      `[[tool.pdm.source]] ${strings([source['name'], source['url']]).join(' ')}`,
      `PDM lets nothing else win over it. Take the table out and run \`pdm config pypi.url ${preparing.urls.originIndex}\`: the guard stands in for that.`,
    )
  }
  checkProjectRequirements(preparing, path, project)
  const configs: TomlTable[] = []
  for (const name of ['.pdm.toml', 'pdm.toml']) {
    const config = (await readProjectFile(join(root, name))) ?? {}
    for (const [source, value] of Object.entries(table(config['pypi']))) {
      if (!isTable(value)) continue
      throw refusedSource(
        preparing,
        join(root, name),
        `the source ${source}`,
        'Take it out; the index can have it as an upstream.',
      )
    }
    if (table(config['install'])['cache'] === true) {
      throw refusedSource(
        preparing,
        join(root, name),
        'install.cache',
        'Take it out: the installed packages would be links into a cache that ends with this run.',
      )
    }
    configs.push(config)
  }
  return Object.assign({}, ...configs)
}

function projectRoot(from: string): string | undefined {
  if (existsSync(join(from, 'pyproject.toml'))) return from
  return dirname(from) === from ? undefined : projectRoot(dirname(from))
}

function defaultLock(preparing: Preparing, root: string, configs: readonly TomlTable[]): string {
  const format =
    preparing.env['PDM_LOCK_FORMAT'] ??
    configs.map((config) => table(config['lock'])['format']).find((value) => value !== undefined)
  const pylock = format === 'pylock' && (existsSync(join(root, 'pylock.toml')) || !existsSync(join(root, 'pdm.lock')))
  return pylock ? 'pylock.toml' : 'pdm.lock'
}
