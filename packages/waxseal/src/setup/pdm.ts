import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  isTable,
  pdmProjectFiles,
  pdmSiteFile,
  pdmUserFile,
  tableText,
  TomlFile,
  withoutSecrets,
} from '@waxseal/guard/configuration'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, readingNotes, unsetIt } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import type { Edit, PlannedFile, SetupPlan, SetupRequest } from './setup-plan.ts'
import { isPublicDefault, sameUrl } from './setup-plan.ts'

const TABLE = ['tool', 'pdm', 'source']
/** A list of links is no index, and a choice of packages leaves the others to nobody or to the next source. */
const LIMITS = ['type', 'include_packages', 'exclude_packages']
const IGNORE_STORED = 'PDM_IGNORE_STORED_INDEX'

/** A source called `pypi` takes the place of PyPI: in the project's pyproject.toml, else in PDM's own configuration. */
export function planPdm(request: SetupRequest): SetupPlan {
  const { scope, projectDir, index } = request
  const pyproject = join(projectDir, 'pyproject.toml')
  if (scope === 'venv' || scope === 'global') {
    throw new CommandError('scope-invalid', 'PDM has a configuration of the project and of the user.', EXIT_USAGE)
  }
  const config = pdmUserFile(request)
  const project = scope === 'project' || (scope === undefined && existsSync(pyproject))
  const netrc = netrcFile(request)
  return {
    files: [
      project ? projectFile(request, pyproject) : userFile(request, config),
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: project
      ? storedConflicts(request, [...pdmProjectFiles(projectDir), config, pdmSiteFile(request)])
      : [
          ...userVariables(request),
          ...ignoredConflicts(pdmSiteFile(request)),
          ...storedConflicts(request, [pdmSiteFile(request)]),
        ],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...(request.ca === undefined ? [] : [`Certificates: pdm config pypi.ca_certs ${request.ca}`]),
      ...readingNotes(request, 'Or a keyring: pip install keyring where PDM is, then PDM asks once.'),
      `Upload: pdm publish --repository ${index.legacy}, with PDM_PUBLISH_USERNAME and PDM_PUBLISH_PASSWORD.`,
    ],
  }
}

function projectFile({ index }: SetupRequest, path: string): PlannedFile {
  const values = new Map<string, string | boolean>([
    ['name', 'pypi'],
    ['url', index.simple],
    ['verify_ssl', true],
  ])
  return {
    path,
    shown: tableText(TABLE, values),
    secret: false,
    edit: (before) => onlySource(before, { path, table: TABLE, values, limits: LIMITS }),
  }
}

function userFile({ index }: SetupRequest, path: string): PlannedFile {
  return {
    path,
    shown: `[pypi]\nurl = "${index.simple}"\n`,
    secret: false,
    edit: (before) => userEdit(before ?? '', path, index.simple),
  }
}

function userEdit(before: string, path: string, simple: string): Edit {
  const file = new TomlFile(before, path)
  const conflicts = [...furtherSources(file, path), ...ignored(file, path)]
  for (const name of sourceNames(file)) file.removeAt(['pypi', name])
  if (ignored(file, path).length > 0) file.removeAt(['pypi', 'ignore_stored_index'])
  const url = file.value(['pypi', 'url'])
  if (typeof url === 'string' && sameUrl(url, simple)) return { text: file.text, conflicts }
  if (typeof url === 'string' && !isPublicDefault(url)) {
    conflicts.push(`${path}: pypi.url is ${withoutSecrets(url)}. Remove it, or have it replaced with --force.`)
  }
  if (!file.setIn(['pypi'], 'url', simple))
    conflicts.push(`${path} has pypi in another form than [pypi]. Edit it by hand.`)
  return { text: file.text, conflicts }
}

function userVariables({ env, index }: SetupRequest): readonly string[] {
  const url = env['PDM_PYPI_URL'] ?? ''
  return [
    ...(url === '' || sameUrl(url, index.simple) ? [] : [unsetIt('PDM_PYPI_URL', url)]),
    ...(isYes(env[IGNORE_STORED]) ? [unsetIt(IGNORE_STORED)] : []),
  ]
}

/** Sources that other files of PDM's add. It asks them beside those of a project, unless the first to speak says no. */
function storedConflicts({ env }: SetupRequest, paths: readonly string[]): readonly string[] {
  const files = openAll(paths)
  const ignore = [env[IGNORE_STORED], ...files.map(([, file]) => file.value(['pypi', 'ignore_stored_index']))]
  if (isYes(ignore.find((value) => value !== undefined))) return []
  return files.flatMap(([path, file]) => furtherSources(file, path))
}

function ignoredConflicts(path: string): readonly string[] {
  return openAll([path]).flatMap(([, file]) => ignored(file, path))
}

function openAll(paths: readonly string[]): readonly (readonly [path: string, file: TomlFile])[] {
  return paths
    .filter((path) => existsSync(path))
    .map((path) => [path, new TomlFile(readFileSync(path, 'utf8'), path)] as const)
}

/** PDM reads none of its own sources when the configuration says so. */
function ignored(file: TomlFile, path: string): readonly string[] {
  return isYes(file.value(['pypi', 'ignore_stored_index']))
    ? [
        `${path}: with pypi.ignore_stored_index, PDM passes its own configuration over. Remove it, or have it taken out of your own file with --force.`,
      ]
    : []
}

/** As PDM's `ensure_boolean` has it. */
function isYes(value: unknown): boolean {
  return typeof value === 'string' ? value !== '' && !/^(?:false|no|0)$/i.test(value) : value === true
}

/** `[pypi.NAME]` of PDM's configuration: further sources for every project. */
function furtherSources(file: TomlFile, path: string): readonly string[] {
  return sourceNames(file).map(
    (name) =>
      `${path} has another source, pypi.${name}, for every project. Remove it (an index becomes an upstream of this one), or have it taken out of your own file with --force.`,
  )
}

function sourceNames(file: TomlFile): readonly string[] {
  const pypi = file.value(['pypi'])
  return isTable(pypi) ? Object.keys(pypi).filter((name) => isTable(pypi[name])) : []
}
