import { dirname, join } from 'node:path'
import { findOptions, type FoundOption, type OptionRule } from './command-options.ts'
import { childFile, nameBeside } from './child-file.ts'
import { directUrlRecords } from './direct-url-records.ts'
import { isLockName } from './lock-name.ts'
import {
  inFolder,
  mappedRequirement,
  refusedOption,
  type ChildOutput,
  type PreparedClient,
  type Preparing,
} from './preparing.ts'
import type { RequirementsFiles } from './requirements-file.ts'
import { mapSourceOption } from './source-option.ts'

type Meaning = 'index' | 'refused' | 'requirements' | 'requirement' | 'group' | 'lock' | 'report' | 'target'

/** Every command of both generations of pip has these. */
const GENERAL: readonly OptionRule<Meaning>[] = [
  { names: ['--trusted-host'], means: 'refused', value: true },
  { names: ['--isolated'], means: 'refused', value: false },
  { names: ['--proxy'], means: 'refused', value: true },
  { names: ['--no-proxy-env'], means: 'refused', value: false },
  { names: ['--cert'], means: 'refused', value: true },
  { names: ['--client-cert'], means: 'refused', value: true },
  { names: ['--keyring-provider'], means: 'refused', value: true },
]
/** Commands that fetch every file that they choose. */
const FETCHING = new Set(['install', 'download', 'wheel'])
const SOURCES: readonly OptionRule<Meaning>[] = [
  ...GENERAL,
  { names: ['--index-url', '-i', '--pypi-url', '--index'], means: 'index', value: true },
  { names: ['--extra-index-url'], means: 'index', value: true },
  { names: ['--find-links', '-f'], means: 'refused', value: true },
  { names: ['--requirement', '-r'], means: 'requirements', value: true },
  { names: ['--constraint', '-c'], means: 'requirements', value: true },
  { names: ['--build-constraint'], means: 'requirements', value: true },
  { names: ['--requirements-from-script'], means: 'requirements', value: true },
  { names: ['--group'], means: 'group', value: true },
  { names: ['--editable', '-e'], means: 'requirement', value: true },
]
const TARGET: OptionRule<Meaning> = { names: ['--target', '-t'], means: 'target', value: true }
const LISTED = SOURCES.filter(({ means }) => means !== 'requirement')
const LOCK: OptionRule<Meaning> = { names: ['--output', '-o'], means: 'lock', value: true }
const REPORT: OptionRule<Meaning> = { names: ['--report'], means: 'report', value: true }
/** Commands that ask no index; some of their short options mean something else. */
const WITHOUT_SOURCES = new Set(
  'cache check completion config debug freeze hash help inspect show uninstall'.split(' '),
)
/** General options before the command whose value is the next word. */
const VALUES_BEFORE_COMMAND =
  `--cache-dir --cert --client-cert --default-timeout --exists-action --keyring-provider --local-log --log
  --log-file --proxy --python --resume-retries --retries --timeout --trusted-host --use-deprecated --use-feature`.split(
    /\s+/,
  )
const FLAGS_BEFORE_COMMAND = new Set(
  `--debug --disable-pip-version-check --help --isolated --no-cache-dir --no-color --no-input --no-proxy-env
  --no-python-version-warning --quiet --require-venv --require-virtualenv --verbose --version`.split(/\s+/),
)
/** Short options with a value and no rule here. */
const OTHER_SHORT = 'CadtwopbZ'

/** Checks and maps what pip is started with. */
export async function preparePip(
  head: readonly string[],
  args: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<PreparedClient> {
  const command = commandOf(args)
  const name = args[command] ?? ''
  if (WITHOUT_SOURCES.has(name)) {
    for (const option of findOptions(args, GENERAL)) throw refusedOption(preparing, option.name, 'pip')
    return { args }
  }
  const rules = [...SOURCES, ...(name === 'lock' ? [LOCK] : []), ...(name === 'install' ? [REPORT, TARGET] : [])]
  // `-e` and `-o` are switches of `pip list`.
  const options = name === 'list' ? findOptions(args, LISTED) : findOptions(args, rules, OTHER_SHORT)
  let words = args
  for (const option of options) words = await mapOption(option, words, preparing, files)
  const values = new Set(options.filter(({ value }) => value !== undefined).map(({ place }) => place))
  words = words.map((word, at) =>
    at <= command || values.has(at) || word.startsWith('-') ? word : mappedRequirement(preparing, word, 'pip'),
  )
  if (name === 'lock') return lockOutput(words, options, command, preparing)
  const installs = FETCHING.has(name) && !args.some((word) => word.startsWith('--dr'))
  const report = { ...(await reportOutput(words, options, preparing)), installs }
  const fromFiles = files.haveCopies() || words.some((word) => word.includes(`${preparing.loopback}/files/`))
  if (name !== 'install' || !fromFiles) return report
  const target = options.findLast(({ means }) => means === 'target')?.value
  const { cwd, env, loopback, urls } = preparing
  const records = directUrlRecords({ head, target, cwd, env, loopback, toOrigin: urls.toOrigin })
  return { ...report, outputs: [...(report.outputs ?? []), records] }
}

async function mapOption(
  option: FoundOption<Meaning>,
  words: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<readonly string[]> {
  if (option.means !== 'group' || option.value === undefined) {
    return await mapSourceOption(option, words, preparing, files, 'pip')
  }
  // `[PATH:]GROUP`
  const path = option.value.includes(':') ? option.value.replace(/:[^:]*$/, '') : 'pyproject.toml'
  await files.prepare(path, preparing.cwd)
  return words
}

/** Where the command stands: after the general options, of which pip reads no other. -1: there is none. */
function commandOf(args: readonly string[]): number {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (!word.startsWith('-')) return at
    if (!word.startsWith('--') || word.includes('=') || FLAGS_BEFORE_COMMAND.has(word)) continue
    if (VALUES_BEFORE_COMMAND.some((name) => name.startsWith(word))) at++
  }
  return -1
}

/** A lock is written beside its place, because what it says about folders is relative to it, and takes that place once it is mapped. */
function lockOutput(
  words: readonly string[],
  options: readonly FoundOption<Meaning>[],
  command: number,
  preparing: Preparing,
): Pick<PreparedClient, 'args' | 'rewriteOutput' | 'outputs'> {
  const output = options.findLast(({ means }) => means === 'lock')
  if (output?.value === '-') return { args: words, rewriteOutput: true }
  const place = inFolder(preparing, output?.value ?? 'pylock.toml')
  const written = preparing.temporary.track(nameBeside(isLockName(place) ? place : join(dirname(place), 'pylock.toml')))
  const outputs: readonly ChildOutput[] = [childFile({ written, place, map: preparing.urls.toOrigin })]
  return {
    args: output === undefined ? words.toSpliced(command + 1, 0, '--output', written) : output.replace(words, written),
    outputs,
  }
}

async function reportOutput(
  words: readonly string[],
  options: readonly FoundOption<Meaning>[],
  preparing: Preparing,
): Promise<Pick<PreparedClient, 'args' | 'rewriteOutput' | 'outputs'>> {
  const report = options.findLast(({ means }) => means === 'report')
  if (report?.value === undefined) return { args: words }
  if (report.value === '-') return { args: words, rewriteOutput: true }
  const written = await preparing.temporary.path('report.json')
  return {
    args: report.replace(words, written),
    outputs: [childFile({ written, place: inFolder(preparing, report.value), map: preparing.urls.toOrigin })],
  }
}
