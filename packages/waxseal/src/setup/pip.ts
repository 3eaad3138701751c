import { existsSync, readFileSync } from 'node:fs'
import { IniFile, isNoFile, pipFiles, pipOptionName, withoutSecrets } from '@waxseal/guard/configuration'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, readingNotes } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { isInTheWay, namesTheIndex, pipEnvironmentConflicts } from './pip-options.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { isPublicDefault } from './setup-plan.ts'

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
    conflicts: [...pipEnvironmentConflicts(request), ...otherPipFiles(request, path)],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...readingNotes(request, 'pip asks a keyring too: pip config set global.keyring-provider import.'),
    ],
  }
}

function targetFile(request: SetupRequest): string {
  const named = request.env['PIP_CONFIG_FILE'] ?? ''
  if (named !== '') {
    if (isNoFile(named)) {
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
  const file = new IniFile(before ?? '', path)
  const conflicts: string[] = []
  for (;;) {
    const wrong = file.options().find(({ key, value }) => isInTheWay(key, value, index.simple))
    if (wrong === undefined) break
    if (!isPublicDefault(wrong.value) || !namesTheIndex(wrong.key)) {
      conflicts.push(
        `${path}: ${wrong.key} in [${wrong.section}] is ${withoutSecrets(wrong.value)}. Remove it (an index becomes an upstream of this one), or have it taken out with --force.`,
      )
    }
    file.remove(wrong)
  }
  const ours = file
    .options()
    .find(({ section, key, value }) => section === 'global' && pipOptionName(key) === 'index-url' && value !== '')
  if (ours === undefined) file.set('global', 'index-url', index.simple)
  if (ca !== undefined) file.set('global', 'cert', ca)
  return { text: file.toString(), conflicts }
}

/**
 * What files of pip's other than `target` say against the index: a place more, or another index from a file or section
 * that wins. Without a target, which has another client that asks pip, only the places more.
 */
export function otherPipFiles(request: SetupRequest, target?: string): readonly string[] {
  const { global, user, venv } = pipFiles(request)
  const named = request.env['PIP_CONFIG_FILE'] ?? ''
  const read = named === '' ? [...global, ...user, ...venv] : [...global, ...venv, named]
  const rank = target === undefined ? read.length : read.indexOf(target)
  return read.flatMap((path, at) => {
    if (path === target || !existsSync(path) || isNoFile(path)) return []
    return new IniFile(readFileSync(path, 'utf8'), path)
      .options()
      .filter(({ key, value }) => isInTheWay(key, value, request.index.simple))
      .filter(({ key, section }) => !namesTheIndex(key) || at > rank || (target !== undefined && section !== 'global'))
      .map(
        ({ key, section, value }) =>
          `${path}, which pip reads too: ${key} in [${section}] is ${withoutSecrets(value)}. Remove it there.`,
      )
  })
}
