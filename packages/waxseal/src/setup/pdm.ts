import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, readingNotes, unsetIt } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource, withoutSecret } from './only-source.ts'
import type { Edit, PlannedFile, SetupPlan, SetupRequest } from './setup-plan.ts'
import { isPublicDefault, sameUrl } from './setup-plan.ts'
import { tableText, TomlFile } from './toml-file.ts'

const TABLE = ['tool', 'pdm', 'source']

/** A source called `pypi` takes the place of PyPI: in the project's pyproject.toml, else in PDM's own configuration. */
export function planPdm(request: SetupRequest): SetupPlan {
  const { scope, projectDir, env, index } = request
  const pyproject = join(projectDir, 'pyproject.toml')
  if (scope === 'venv' || scope === 'global') {
    throw new CommandError('scope-invalid', 'PDM has a configuration of the project and of the user.', EXIT_USAGE)
  }
  const config = userConfig(request)
  const project = scope === 'project' || (scope === undefined && existsSync(pyproject))
  const netrc = netrcFile(request)
  const mirror = env['PDM_PYPI_URL'] ?? ''
  return {
    files: [
      project ? projectFile(request, pyproject) : userFile(request, config),
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: [
      ...(mirror !== '' && !project && !sameUrl(mirror, index.simple) ? [unsetIt('PDM_PYPI_URL')] : []),
      ...(project && existsSync(config) ? furtherSources(readFileSync(config, 'utf8'), config) : []),
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
    edit: (before) => onlySource(before, { path, table: TABLE, values }),
  }
}

function userConfig({ env, home, platform }: SetupRequest): string {
  if ((env['PDM_CONFIG_FILE'] ?? '') !== '') return env['PDM_CONFIG_FILE'] ?? ''
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] || join(home, 'AppData', 'Local'), 'pdm', 'pdm', 'config.toml')
  if (platform === 'darwin') return join(home, 'Library/Application Support/pdm/config.toml')
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'pdm', 'config.toml')
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
  const url = file.value(['pypi', 'url'])
  const conflicts = [...furtherSources(before, path)]
  if (typeof url === 'string' && !sameUrl(url, simple) && !isPublicDefault(url)) {
    conflicts.push(`${path}: pypi.url is ${withoutSecret(url)}. Remove it, or have it replaced with --force.`)
  }
  if (typeof url === 'string' && sameUrl(url, simple)) return { text: before, conflicts }
  if (!file.setIn(['pypi'], 'url', simple))
    conflicts.push(`${path} has pypi in another form than [pypi]. Edit it by hand.`)
  return { text: file.text, conflicts }
}

/** `[pypi.NAME]` of PDM's configuration: further sources for every project. */
function furtherSources(text: string, path: string): readonly string[] {
  const pypi = new TomlFile(text, path).value(['pypi'])
  if (typeof pypi !== 'object' || pypi === null) return []
  return Object.entries(pypi)
    .filter(([, value]) => typeof value === 'object')
    .map(
      ([name]) =>
        `${path} has another source, pypi.${name}, for every project. Remove it: pdm config --delete pypi.${name}`,
    )
}
