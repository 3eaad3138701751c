import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { GuardError } from '../error.ts'
import { childFile, nameBeside, textIfThere } from './child-file.ts'
import { findOptions, type FoundOption, type OptionRule } from './command-options.ts'
import { checkPackageOrigin } from './locked-package.ts'
import { mapInPlace } from './in-place-file.ts'
import { inFolder, mappedRequirement, type ChildOutput, type PreparedClient, type Preparing } from './preparing.ts'
import { checkProjectRequirements, readProjectFile, refusedSource } from './project-file.ts'
import type { RequirementsFiles } from './requirements-file.ts'
import { mapSourceOption } from './source-option.ts'
import { scriptMetadata } from './script-metadata.ts'
import { parseToml, strings, table, tables } from './toml.ts'

type Meaning = 'index' | 'refused' | 'requirement' | 'requirements' | 'project' | 'output'

const RULES: readonly OptionRule<Meaning>[] = [
  { names: ['--index-url', '-i', '--default-index', '--index'], means: 'index', value: true },
  { names: ['--extra-index-url'], means: 'index', value: true },
  { names: ['--find-links', '-f'], means: 'refused', value: true },
  { names: ['--config-file'], means: 'refused', value: true },
  { names: ['--allow-insecure-host', '--trusted-host'], means: 'refused', value: true },
  { names: ['--keyring-provider'], means: 'refused', value: true },
  { names: ['--env-file'], means: 'refused', value: true },
  { names: ['--torch-backend'], means: 'refused', value: true },
  { names: ['--with', '-w', '--with-editable', '--from', '--editable', '-e'], means: 'requirement', value: true },
  { names: ['--requirements', '--requirement', '-r', '--with-requirements'], means: 'requirements', value: true },
  { names: ['--constraints', '--constraint', '-c'], means: 'requirements', value: true },
  { names: ['--build-constraints', '--build-constraint', '-b'], means: 'requirements', value: true },
  { names: ['--overrides', '--override', '--excludes', '--exclude'], means: 'requirements', value: true },
  { names: ['--project', '--directory'], means: 'project', value: true },
  { names: ['--output-file', '-o'], means: 'output', value: true },
]
/** Options with a value and no meaning here: what follows one is no command. */
const OTHER_VALUES = new Set(
  `--cache-dir --color --config-setting --config-settings --config-settings-package --exclude-newer
  --exclude-newer-package --extra --fork-strategy --group --index-strategy --link-mode --no-binary-package --no-build-isolation-package
  --no-build-package --no-extra --no-group --no-sources-package --only-group --package --preview-features --prerelease --python
  --python-platform --python-preference --python-version --refresh-package --reinstall-package --resolution --upgrade-group
  --upgrade-package -C -P -p`.split(/\s+/),
)
const OTHER_SHORT = 'CPp'
const SEVERAL_WORDS = new Set(['pip', 'tool', 'python', 'self', 'cache', 'auth', 'workspace'])
/** Commands that work on a project and its `uv.lock`. */
const PROJECT = new Set(['add', 'remove', 'lock', 'sync', 'run', 'tree', 'export', 'build', 'version', 'audit'])

/** Checks what uv is started with, and maps the lock of its project while it runs: uv looks for it at one place only. */
export async function prepareUv(
  head: readonly string[],
  args: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<PreparedClient> {
  const uvx = /uvx(?:\.exe)?$/.test(head.at(-1) ?? '')
  const { command, length, program } = uvx ? readUvx(args) : readCommand(args)
  if (command === 'publish') {
    throw new GuardError('client-unknown', '`waxseal run` does not publish: run `uv publish` without it.', {
      data: { client: 'uv' },
    })
  }
  const own = args.slice(0, program)
  const options = findOptions(own, RULES, OTHER_SHORT)
  let words = args
  for (const option of options) words = await mapSourceOption(option, words, preparing, files, 'uv')
  const values = new Set(options.filter(({ value }) => value !== undefined).map(({ place }) => place))
  const sources = command === 'pip compile' || command === 'pip sync'
  for (const [at, word] of own.entries()) {
    if (at < length || values.has(at) || word.startsWith('-') || OTHER_VALUES.has(own[at - 1] ?? '')) continue
    words = words.with(
      at,
      sources ? await files.prepare(word, preparing.cwd) : mappedRequirement(preparing, word, 'uv'),
    )
  }
  const script = command === 'run' ? args[program - 1] : undefined
  if (script?.endsWith('.py')) await checkScript(preparing, inFolder(preparing, script))
  const output = await outputOf(options, words, preparing, files)
  const project = options.findLast(({ means }) => means === 'project')?.value ?? preparing.env['UV_PROJECT'] ?? '.'
  return {
    args: output.words,
    rewriteOutput: output.outputs.length === 0 && (command === 'pip compile' || command === 'export'),
    // uv writes a default index of its environment into pyproject.toml; one that it calls an index URL it does not.
    env: command === 'add' ? { UV_DEFAULT_INDEX: '' } : {},
    outputs: [
      ...output.outputs,
      ...(PROJECT.has(command) ? await projectFiles(preparing, inFolder(preparing, project)) : []),
    ],
  }
}

/** `length`: the words up to the command's last; `program`: those that are uv's own, up to the name of a program that it runs. */
interface UvCommand {
  readonly command: string
  readonly length: number
  readonly program: number
}

function readCommand(args: readonly string[]): UvCommand {
  const first = nextWord(args, 0)
  const name = args[first] ?? ''
  const second = SEVERAL_WORDS.has(name) ? nextWord(args, first + 1) : first
  const command = second === first ? name : `${name} ${args[second] ?? ''}`
  const runs = command === 'run' || command === 'tool run'
  const program = runs ? nextWord(args, second + 1) + 1 : args.length
  return { command, length: second + 1, program }
}

function readUvx(args: readonly string[]): UvCommand {
  return { command: 'tool run', length: 0, program: nextWord(args, 0) + 1 }
}

function nextWord(args: readonly string[], from: number): number {
  let at = from
  while (at < args.length && (args[at] ?? '').startsWith('-')) {
    const word = args[at] ?? ''
    at += takesValue(word) ? 2 : 1
  }
  return at
}

function takesValue(word: string): boolean {
  return OTHER_VALUES.has(word) || RULES.some(({ names }) => names.includes(word))
}

/** A file that uv compiles or exports into: uv reads the old one, so that the copy has its text. */
async function outputOf(
  options: readonly FoundOption<Meaning>[],
  words: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<{ readonly words: readonly string[]; readonly outputs: readonly ChildOutput[] }> {
  const output = options.findLast(({ means }) => means === 'output')
  const given = output?.value
  if (output === undefined || given === undefined) return { words, outputs: [] }
  const place = inFolder(preparing, given)
  const written = preparing.temporary.track(nameBeside(place))
  const before = await textIfThere(place)
  if (before !== undefined) await preparing.temporary.writeAt(written, preparing.urls.toLoopback(before))
  // uv writes its command line into what it compiles.
  const map = (text: string): string => files.restorePaths(preparing.urls.toOrigin(text)).replaceAll(written, given)
  return { words: output.replace(words, written), outputs: [childFile({ written, place, before, map })] }
}

/** The files of a project and of the workspace above it. @throws configuration-refused for a source in one of them. */
async function projectFiles(preparing: Preparing, from: string): Promise<readonly ChildOutput[]> {
  const roots: string[] = []
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, 'pyproject.toml')
    if (existsSync(path)) {
      const project = (await readProjectFile(path)) ?? {}
      const uv = table(table(project['tool'])['uv'])
      if (roots.length === 0 || uv['workspace'] !== undefined) {
        checkUvTable(preparing, path, uv)
        checkProjectRequirements(preparing, path, project)
        roots.push(folder)
      }
    }
    if (dirname(folder) === folder) break
  }
  const outputs: ChildOutput[] = []
  try {
    for (const root of roots) outputs.push(await mapInPlace(preparing, join(root, 'uv.lock'), checkLock))
    return outputs
  } catch (error) {
    for (const output of outputs) await output.collect(false)
    throw error
  }
}

/** @throws requirement-refused for a package from a URL, configuration-refused for a registry that no proxy stands before. */
function checkLock(preparing: Preparing, path: string, text: string): void {
  for (const entry of tables(parseToml(text, path, 'lock-unreadable')['package'])) {
    const name = strings(entry['name']).join('')
    const source = table(entry['source'])
    checkPackageOrigin(preparing, path, name, source)
    const registry = source['registry']
    if (registry === undefined || (typeof registry === 'string' && /^https?:/.test(registry))) continue
    throw refusedSource(
      preparing,
      path,
      `${name} from the registry ${strings(registry).join('')}`,
      'Remove the lock, and make it anew behind the guard.',
    )
  }
}

async function checkScript(preparing: Preparing, path: string): Promise<void> {
  const metadata = (await scriptMetadata(path)) ?? {}
  checkUvTable(preparing, path, table(table(metadata['tool'])['uv']))
  checkProjectRequirements(preparing, path, { project: { dependencies: strings(metadata['dependencies']).slice() } })
}

function checkUvTable(preparing: Preparing, path: string, uv: TomlTable): void {
  const isTrusted = (url: unknown): boolean => typeof url === 'string' && preparing.urls.index(url) !== undefined
  for (const { url, default: isDefault } of tables(uv['index'])) {
    if (isTrusted(url) || (isDefault === true && url === 'https://pypi.org/simple')) continue
    throw refusedSource(
      preparing,
      path,
      `[[tool.uv.index]] ${strings(url).join('')}`,
      'Take it out; the index can have it as an upstream.',
    )
  }
  for (const key of ['index-url', 'extra-index-url', 'find-links']) {
    const other = strings(uv[key]).find((url) => !isTrusted(url))
    if (other === undefined) continue
    throw refusedSource(
      preparing,
      path,
      `tool.uv.${key} ${other}`,
      'Take it out; the index can have it as an upstream.',
    )
  }
  for (const [name, value] of Object.entries(table(uv['sources']))) {
    for (const source of tables(value)) {
      const key = ['git', 'url', 'index'].find((kind) => source[kind] !== undefined)
      if (key === undefined || (key !== 'index' && preparing.allowDirectUrls)) continue
      throw refusedSource(
        preparing,
        path,
        `tool.uv.sources ${name} from ${key} ${strings(source[key]).join('')}`,
        'Take the entry out: then it comes from the one index.',
      )
    }
  }
}
