import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, pipEnvironmentConflicts, readingNotes } from './credential-notes.ts'
import { IniFile } from './ini-file.ts'
import { netrcFile } from './netrc-file.ts'
import { withoutSecret } from './only-source.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { isPublicDefault, sameUrl } from './setup-plan.ts'

/** Options that give pip a second place to take packages from, or none. pip takes `_` for `-`. */
const ADDS_A_PLACE = new Set(['extra-index-url', 'find-links', 'no-index'])

/** pip.conf: the index in `[global]`, which holds for every command of pip. */
export function planPip(request: SetupRequest): SetupPlan {
  const path = targetFile(request)
  const netrc = netrcFile(request)
  const cert = request.ca === undefined ? '' : `cert = ${request.ca}\n`
  return {
    files: [
      {
        path,
        shown: `[global]\nindex-url = ${request.index.simple}\n${cert}`,
        secret: false,
        edit: (before) => pipEdit(before, path, request),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: [...pipEnvironmentConflicts(request), ...otherFiles(request, path)],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...readingNotes(request, 'pip asks a keyring too: pip config set global.keyring-provider import.'),
    ],
  }
}

/** Where pip's files lie, in the order in which the later wins (pip's configuration.py). */
export function pipFiles({
  env,
  home,
  platform,
}: SetupRequest): Readonly<Record<'global' | 'user' | 'venv', string[]>> {
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf'
  const config = env['XDG_CONFIG_HOME'] || join(home, '.config')
  const venv = env['VIRTUAL_ENV'] ? [join(env['VIRTUAL_ENV'], name)] : []
  if (platform === 'win32') {
    const roaming = env['APPDATA'] || join(home, 'AppData', 'Roaming')
    const shared = env['PROGRAMDATA'] || 'C:\\ProgramData'
    return { global: [join(shared, 'pip', name)], user: [join(home, 'pip', name), join(roaming, 'pip', name)], venv }
  }
  if (platform === 'darwin') {
    const library = join(home, 'Library/Application Support/pip')
    const user = existsSync(library) ? join(library, name) : join(home, '.config/pip', name)
    return { global: ['/Library/Application Support/pip/pip.conf'], user: [join(home, '.pip', name), user], venv }
  }
  const shared = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter((folder) => folder !== '')
  return {
    global: [...shared.map((folder) => join(folder, 'pip', name)), '/etc/pip.conf'],
    user: [join(home, '.pip', name), join(config, 'pip', name)],
    venv,
  }
}

function targetFile(request: SetupRequest): string {
  const named = request.env['PIP_CONFIG_FILE'] ?? ''
  if (named !== '') {
    if (named === '/dev/null' || named.toLowerCase() === 'nul') {
      throw usage('PIP_CONFIG_FILE turns the configuration files of pip off. Unset it, then try again.')
    }
    if (request.scope !== undefined) {
      throw usage(`PIP_CONFIG_FILE makes ${named} the file of pip that counts. Unset it, or leave --scope out.`)
    }
    return named
  }
  const scope = request.scope ?? 'user'
  if (scope === 'project') throw usage('pip has no configuration of a project. Take --scope venv, user or global.')
  const path = pipFiles(request)[scope].at(-1)
  if (path === undefined) throw usage('--scope venv wants an active virtual environment: activate it, then try again.')
  return path
}

function usage(message: string): CommandError {
  return new CommandError('scope-invalid', message, EXIT_USAGE)
}

function pipEdit(before: string | undefined, path: string, { index, ca }: SetupRequest): Edit {
  const file = new IniFile(before ?? '')
  const conflicts: string[] = []
  for (;;) {
    const wrong = file.options().find((option) => isInTheWay(option, index.simple))
    if (wrong === undefined) break
    if (!isPublicDefault(wrong.value) || ADDS_A_PLACE.has(wrong.key)) {
      conflicts.push(
        `${path}: ${wrong.key} in [${wrong.section}] is ${withoutSecret(wrong.value)}. Remove it (an index becomes an upstream of this one), or have it taken out with --force.`,
      )
    }
    file.remove(wrong)
  }
  if (file.get('global', 'index-url') === undefined) file.set('global', 'index-url', index.simple)
  if (ca !== undefined) file.set('global', 'cert', ca)
  return { text: file.toString(), conflicts }
}

/** Whether an option adds a place beside the index, or names another index in its stead. */
function isInTheWay({ key, value }: { readonly key: string; readonly value: string }, simple: string): boolean {
  const name = key.replaceAll('_', '-')
  if (ADDS_A_PLACE.has(name)) return value !== '' && !/^(?:0|no|false|off)$/i.test(value)
  return name === 'index-url' && !sameUrl(value, simple)
}

/** What other files of pip's say against it: a place more, or another index from a file or section that wins. */
function otherFiles(request: SetupRequest, target: string): readonly string[] {
  const { global, user, venv } = pipFiles(request)
  const named = request.env['PIP_CONFIG_FILE'] ?? ''
  const read = named === '' ? [...global, ...user, ...venv] : [...global, ...venv, named]
  const rank = read.indexOf(target)
  return read.flatMap((path, at) => {
    if (path === target || !existsSync(path)) return []
    return new IniFile(readFileSync(path, 'utf8'))
      .options()
      .filter((option) => isInTheWay(option, request.index.simple))
      .filter(({ key, section }) => key.replaceAll('_', '-') !== 'index-url' || at > rank || section !== 'global')
      .map(
        ({ key, section, value }) =>
          `${path}, which pip reads too: ${key} in [${section}] is ${withoutSecret(value)}. Remove it there.`,
      )
  })
}
