import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readNetrc } from '../configuration/netrc-entries.ts'
import { pdmProjectFiles, pdmSiteFile, pdmUserFile } from '../configuration/pdm-files.ts'
import { isNoFile, pipFiles } from '../configuration/pip-files.ts'
import type { UserMachine } from '../configuration/user-machine.ts'
import { uvFiles } from '../configuration/uv-files.ts'
import { GuardError } from '../error.ts'
import type { ClientFinding, TrustedPlace } from './client-finding.ts'
import { findingOf } from './client-finding.ts'
import { environmentSources } from './environment-sources.ts'
import type { FoundSource } from './found-source.ts'
import { MAX_CONFIGURATION_BYTES, MAX_FOLDER_FILES } from './limits.ts'
import { pipConfSources, requirementsSources } from './pip-sources.ts'
import { textSources } from './text-sources.ts'
import {
  pdmConfigSources,
  pipfileSources,
  poetryConfigSources,
  pyprojectSources,
  uvTomlSources,
} from './toml-sources.ts'

/** Where clients are looked for, and what they should reach. */
export interface ClientExamination extends UserMachine {
  /** The folder of the project. */
  readonly cwd: string
  readonly trusted: TrustedPlace
}

type Reader = (text: string, path: string) => readonly FoundSource[]

const REQUIREMENTS =
  /^(?:requirements|constraints)[\w.-]*\.(?:txt|in)$|^[\w.-]*[-_.](?:requirements|constraints)\.(?:txt|in)$/i
const COMMANDS = /^(?:Dockerfile|Containerfile)(?:\..+)?$|\.(?:dockerfile|containerfile)$|^(?:tox\.ini|noxfile\.py)$/i

/**
 * Which configuration of this machine and of the project in `cwd` reaches another place than the trusted index: of pip, uv,
 * PDM, pipenv and Poetry, in files and the environment. Nothing is run, written or asked of the network.
 */
export async function examineClients(examination: ClientExamination): Promise<readonly ClientFinding[]> {
  const { env, trusted } = examination
  const findings: ClientFinding[] = []
  const sources: FoundSource[] = [...environmentSources(env)]
  for (const [path, read] of await filesOf(examination)) {
    try {
      const text = await textOf(path)
      if (text !== undefined) sources.push(...read(text, path))
    } catch (error) {
      findings.push(unreadable(path, error))
    }
  }
  findings.push(...sources.flatMap((source) => findingOf(source, trusted) ?? []))
  findings.push(...(await credentialFindings(examination, sources)))
  return [...findings, ...defaultFinding(sources, trusted)]
}

/** Every file that a client would read here, each once, with what reads it. */
async function filesOf(examination: ClientExamination): Promise<ReadonlyMap<string, Reader>> {
  const { env, home, platform, cwd, trusted } = examination
  const { hostname } = new URL(trusted.url)
  const requirements: Reader = (text, path) => requirementsSources(text, path, env)
  const commands: Reader = (text, path) => textSources(text, path, hostname)
  const here = await namesIn(cwd)
  const below = (await namesIn(join(cwd, 'requirements'))).filter((name) => /\.(?:txt|in)$/.test(name))
  const named = env['UV_CONFIG_FILE'] ?? ''
  const uv = uvFiles(examination)
  const poetry =
    env['POETRY_CONFIG_DIR'] ||
    (platform === 'darwin' ? join(home, 'Library/Application Support') : configFolder(examination))
  return new Map<string, Reader>([
    ...pipPaths(examination).map((path) => [path, pipConfSources] as const),
    ...(named === '' ? [uv.user, ...uv.global, ...above(cwd, 'uv.toml')] : [named]).map(
      (path) => [path, uvTomlSources] as const,
    ),
    ...above(cwd, 'pyproject.toml').map((path) => [path, pyprojectSources] as const),
    [env['PIPENV_PIPFILE'] || join(cwd, 'Pipfile'), pipfileSources],
    ...[pdmUserFile(examination), pdmSiteFile(examination), ...pdmProjectFiles(cwd)].map(
      (path) => [path, pdmConfigSources] as const,
    ),
    [join(poetry, env['POETRY_CONFIG_DIR'] ? '' : 'pypoetry', 'config.toml'), poetryConfigSources],
    [join(cwd, 'poetry.toml'), poetryConfigSources],
    ...here.filter((name) => REQUIREMENTS.test(name)).map((name) => [join(cwd, name), requirements] as const),
    ...below.map((name) => [join(cwd, 'requirements', name), requirements] as const),
    ...here.filter((name) => COMMANDS.test(name)).map((name) => [join(cwd, name), commands] as const),
  ])
}

/** pip.conf in all its places; of a virtual environment in the project too, which pip reads once it is active. */
function pipPaths(examination: ClientExamination): readonly string[] {
  const { env, platform, cwd } = examination
  const { global, user, venv } = pipFiles(examination)
  const named = env['PIP_CONFIG_FILE'] ?? ''
  if (isNoFile(named)) return []
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf'
  const inProject = ['.venv', 'venv'].map((folder) => join(cwd, folder, name))
  return [...global, ...(named === '' ? user : [named]), ...venv, ...inProject]
}

function configFolder({ env, home, platform }: UserMachine): string {
  return platform === 'win32'
    ? env['APPDATA'] || join(home, 'AppData', 'Roaming')
    : env['XDG_CONFIG_HOME'] || join(home, '.config')
}

/** A file of this name in the folder, and in every one above: uv, PDM and Poetry look there for the project. */
function above(folder: string, name: string): readonly string[] {
  const up = dirname(folder)
  return [join(folder, name), ...(up === folder ? [] : above(up, name))]
}

/** Hosts that get credentials: those that something here reaches, and all, by `default`. */
async function credentialFindings(
  { env, home, trusted }: ClientExamination,
  sources: readonly FoundSource[],
): Promise<readonly ClientFinding[]> {
  const path = env['NETRC'] || join(home, '.netrc')
  const reached = new Set(sources.map(({ value }) => URL.parse(value)?.hostname))
  try {
    const text = await textOf(path)
    if (text === undefined) return []
    return readNetrc(text, path).flatMap(({ machine, start }) => {
      if (machine !== undefined && !reached.has(machine)) return []
      const where = `${path}:${text.slice(0, start).split('\n').length}`
      const value = machine ?? 'every host that has no entry'
      return findingOf({ kind: 'credentials', client: 'every client', where, setting: 'machine', value }, trusted) ?? []
    })
  } catch (error) {
    return [unreadable(path, error)]
  }
}

/** Without any word about it, pip asks pypi.org. */
function defaultFinding(sources: readonly FoundSource[], trusted: TrustedPlace): readonly ClientFinding[] {
  const isNamed = sources.some(({ kind, client }) => kind === 'index' && client === 'pip')
  if (isNamed) return []
  return [
    {
      code: 'index',
      severity: 'note',
      client: 'pip',
      where: 'no configuration',
      what: 'nothing tells pip which index to ask',
      means: 'Outside of "waxseal run" it asks pypi.org, unverified.',
      advice: `Run it by "waxseal run -- pip …", or: waxseal setup pip --write --url ${trusted.url}`,
    },
  ]
}

function unreadable(path: string, error: unknown): ClientFinding {
  const why = error instanceof Error ? error.message : String(error)
  return {
    code: 'unreadable',
    severity: 'error',
    client: 'every client',
    where: path,
    what: `${path} cannot be looked at`,
    means: error instanceof GuardError ? why : `What it says is not known here (${why}).`,
    advice: 'Make it readable, and look again.',
  }
}

/** Undefined where there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    const about = await stat(path)
    // A pipe would be waited for.
    if (!about.isFile()) return undefined
    if (about.size > MAX_CONFIGURATION_BYTES) throw new Error(`more than ${MAX_CONFIGURATION_BYTES} bytes`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted().slice(0, MAX_FOLDER_FILES)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}
