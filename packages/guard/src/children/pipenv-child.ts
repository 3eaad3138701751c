import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { childFile, nameBeside, textIfThere } from './child-file.ts'
import { findOptions, type OptionRule } from './command-options.ts'
import { directUrl } from './direct-url.ts'
import { checkPackageOrigin } from './locked-package.ts'
import { pipfileHashes } from './pipfile.ts'
import {
  inFolder,
  mappedIndex,
  mappedRequirement,
  refusedOption,
  type PreparedClient,
  type Preparing,
} from './preparing.ts'
import { refusedSource } from './project-file.ts'
import type { RequirementsFiles } from './requirements-file.ts'
import { LockDocument } from '../verify/lock-document.ts'
import { isTable, parseToml, strings, table, tables } from './toml.ts'

const RULES: readonly OptionRule<'index' | 'refused' | 'requirement' | 'requirements'>[] = [
  { names: ['--index', '-i'], means: 'index', value: true },
  { names: ['--pypi-mirror'], means: 'index', value: true },
  { names: ['--extra-pip-args'], means: 'refused', value: true },
  { names: ['--editable', '-e'], means: 'requirement', value: true },
  { names: ['--requirements', '-r'], means: 'requirements', value: true },
]
/** Commands whose further words are a program's. */
const RUNS = new Set(['run', 'shell'])
/** `-i` is another option there. */
const AUDITS = new Set(['check', 'audit', 'scan'])
const PYPI = /^https?:\/\/pypi(?:\.python)?\.org\/simple\/?$/
const DEFAULT_DEPTH = 3

/**
 * Checks what pipenv is started with, and gives it a mapped copy of the Pipfile and its lock, in the same folder. The virtual environment
 * stays that of the Pipfile itself.
 */
export async function preparePipenv(
  args: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<PreparedClient> {
  const words = await mapArguments(args, preparing, files)
  const place = pipfilePlace(preparing)
  const before = await textIfThere(place)
  const start = before ?? newPipfile(preparing)
  const pipfile = parseToml(start, place, 'configuration-refused')
  checkPipfile(preparing, place, pipfile)
  const copy = preparing.temporary.track(nameBeside(place))
  const lockPlace = `${place}.lock`
  const lockCopy = preparing.temporary.track(`${copy}.lock`)
  const lockBefore = await textIfThere(lockPlace)
  if (lockBefore !== undefined) checkLock(preparing, lockPlace, lockBefore)
  const { toLoopback, toOrigin } = preparing.urls
  await preparing.temporary.writeAt(copy, toLoopback(start))
  if (lockBefore !== undefined) {
    const mapped = withHashOf(toLoopback(lockBefore), start, toLoopback(start))
    await preparing.temporary.writeAt(lockCopy, mapped)
  }
  // A lock is of the Pipfile as the child left it.
  const mapLock = async (lock: string): Promise<string> => {
    const left = (await textIfThere(copy)) ?? ''
    return withHashOf(toOrigin(lock), left, toOrigin(left))
  }
  return {
    args: words,
    env: {
      PIPENV_PIPFILE: copy,
      PIPENV_CUSTOM_VENV_NAME: preparing.env['PIPENV_CUSTOM_VENV_NAME'] ?? virtualenvName(preparing.env, place),
    },
    outputs: [
      childFile({ written: lockCopy, place: lockPlace, before: lockBefore, map: mapLock }),
      childFile({ written: copy, place, before: start, map: toOrigin }),
    ],
    rewriteOutput: args.includes('requirements'),
  }
}

async function mapArguments(
  args: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<readonly string[]> {
  const command = args.find((word) => !word.startsWith('-')) ?? ''
  const own = RUNS.has(command) ? args.slice(0, args.indexOf(command)) : args
  const rules = AUDITS.has(command) ? RULES.filter(({ means }) => means !== 'index') : RULES
  const options = findOptions(own, rules, 'p')
  let words = args
  for (const option of options) {
    if (option.means === 'refused') throw refusedOption(preparing, option.name, 'pipenv')
    // The Pipfile names an index by its name too.
    if (option.means === 'index' && (option.value === undefined || directUrl(option.value) !== undefined)) {
      words = option.replace(words, mappedIndex(preparing, option.name, option.value, 'pipenv'))
    }
    if (option.value === undefined) continue
    if (option.means === 'requirement')
      words = option.replace(words, mappedRequirement(preparing, option.value, 'pipenv'))
    if (option.means === 'requirements') words = option.replace(words, await files.prepare(option.value, preparing.cwd))
  }
  const values = new Set(options.filter(({ value }) => value !== undefined).map(({ place }) => place))
  return words.map((word, at) =>
    at >= own.length || values.has(at) || word.startsWith('-') ? word : mappedRequirement(preparing, word, 'pipenv'),
  )
}

/** Where pipenv looks: its variable, else the folder and those above it. */
function pipfilePlace(preparing: Preparing): string {
  const named = preparing.env['PIPENV_PIPFILE']
  if (named !== undefined && named !== '') return inFolder(preparing, named)
  const depth = Number(preparing.env['PIPENV_MAX_DEPTH'] ?? DEFAULT_DEPTH)
  let folder = preparing.cwd
  for (let above = 1; above < (Number.isNaN(depth) ? DEFAULT_DEPTH : depth); above++) {
    if (existsSync(join(folder, 'Pipfile'))) return join(folder, 'Pipfile')
    folder = dirname(folder)
  }
  return join(preparing.cwd, 'Pipfile')
}

/** What pipenv would begin with, with the trusted index in the place of PyPI. */
function newPipfile(preparing: Preparing): string {
  return `[[source]]
url = "${preparing.urls.originIndex}"
verify_ssl = true
name = "waxseal"

[packages]

[dev-packages]
`
}

/** @throws configuration-refused for another source, requirement-refused for a package from a URL. */
function checkPipfile(preparing: Preparing, path: string, pipfile: TomlTable): void {
  const sources = tables(pipfile['source'])
  const instead = `Let its one [[source]] have the URL ${preparing.urls.originIndex}`
  if (sources.length === 0) throw refusedSource(preparing, path, 'a Pipfile without a [[source]]', `${instead}.`)
  for (const { url } of sources) {
    if (isTrusted(preparing, url)) continue
    throw refusedSource(
      preparing,
      path,
      `the source ${strings(url).join('')}`,
      `${instead}; what the other offers it can have as an upstream.`,
    )
  }
  if (table(pipfile['pipenv'])['use_pylock'] === true) {
    throw refusedSource(preparing, path, 'use_pylock', 'Take it out: the guard maps Pipfile.lock only.')
  }
  for (const section of Object.values(pipfile)) {
    for (const [name, entry] of Object.entries(table(section))) {
      if (isTable(entry)) checkPackageOrigin(preparing, path, name, entry)
    }
  }
}

/** @throws configuration-refused for another source, requirement-refused for a package from a URL, lock-unreadable. */
function checkLock(preparing: Preparing, path: string, text: string): void {
  const { top } = LockDocument.fromJson(Buffer.from(text), path)
  const { _meta: meta, ...categories } = top
  const instead = 'Remove the lock, and make it anew behind the guard.'
  const sources = tables(table(meta)['sources'])
  for (const { url } of sources) {
    if (isTrusted(preparing, url)) continue
    throw refusedSource(preparing, path, `the source ${strings(url).join('')}`, instead)
  }
  for (const category of Object.values(categories)) {
    for (const [name, entry] of Object.entries(table(category))) {
      if (!isTable(entry)) continue
      checkPackageOrigin(preparing, path, name, entry)
      const source = entry['index']
      if (source === undefined || sources.some((one) => one['name'] === source)) continue
      throw refusedSource(preparing, path, `${name} from the source ${strings(source).join('')}`, instead)
    }
  }
}

/** PyPI: pipenv puts the mirror of its environment in that place. */
function isTrusted(preparing: Preparing, url: unknown): boolean {
  return typeof url === 'string' && (preparing.urls.index(url) !== undefined || PYPI.test(url))
}

/** The lock with the hash of the Pipfile `to` where it has that of `from`: one that is out of date stays so. */
function withHashOf(lock: string, from: string, to: string): string {
  const [old, now] = [from, to].map((text) => pipfileHashes(parseToml(text, 'Pipfile', 'configuration-refused')))
  return (old ?? []).reduce((text, hash, at) => text.replaceAll(hash, now?.[at] ?? hash), lock)
}

/** The name that pipenv derives from where a Pipfile is (`project.virtualenv_name`). */
function virtualenvName(env: NodeJS.ProcessEnv, place: string): string {
  const name = basename(dirname(place))
    .replaceAll(/[ &$`!*@"()[\]\\\r\n\t]/g, '_')
    .slice(0, 42)
  const hash = createHash('sha256').update(place).digest().subarray(0, 6).toString('base64url')
  const python = env['PIPENV_PYTHON']
  const suffix = python === undefined || python === '' ? '' : `-${isAbsolute(python) ? basename(python) : python}`
  return `${name}-${hash}${suffix}`
}
