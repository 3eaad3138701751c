import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, readingNotes, unsetIt } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { tableText, TomlFile } from './toml-file.ts'

/** Older settings of uv's that add an index or replace it; `[pip]` has the same. */
const OLDER_SETTINGS = ['index-url', 'extra-index-url', 'find-links', 'no-index'] as const

/** uv.toml, or `[tool.uv]` of a project's pyproject.toml: one default index. */
export function planUv(request: SetupRequest): SetupPlan {
  const { path, table } = target(request)
  const { index, name, ca } = request
  const values = new Map<string, string | boolean>([
    ['name', name],
    ['url', index.simple],
    ['publish-url', index.legacy],
    ['default', true],
  ])
  const netrc = netrcFile(request)
  const variable = `UV_INDEX_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
  return {
    files: [
      {
        path,
        shown: tableText(table, values),
        secret: false,
        edit: (before) => withOlderSettings(onlySource(before, { path, table, values }), path, table.slice(0, -1)),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: environmentConflicts(request),
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...(ca === undefined ? [] : [`Certificates: uv takes them from the environment, SSL_CERT_FILE=${ca}`]),
      ...readingNotes(request, `Or set ${variable}_USERNAME and ${variable}_PASSWORD.`),
      `Upload: uv publish --index ${name}, with the token in UV_PUBLISH_TOKEN.`,
    ],
  }
}

/** The file that uv reads: a project's uv.toml hides the `[tool.uv]` beside it. */
function target({ scope, projectDir, env, home, platform }: SetupRequest): {
  readonly path: string
  readonly table: readonly string[]
} {
  const named = env['UV_CONFIG_FILE'] ?? ''
  const pyproject = join(projectDir, 'pyproject.toml')
  const project = join(projectDir, 'uv.toml')
  if (named !== '') return { path: named, table: ['index'] }
  if (scope === 'venv') {
    throw new CommandError('scope-invalid', 'uv has no configuration of a virtual environment.', EXIT_USAGE)
  }
  if (scope === 'project' || (scope === undefined && (existsSync(pyproject) || existsSync(project)))) {
    return existsSync(project) || !existsSync(pyproject)
      ? { path: project, table: ['index'] }
      : { path: pyproject, table: ['tool', 'uv', 'index'] }
  }
  if (platform === 'win32') {
    const folder =
      scope === 'global' ? env['PROGRAMDATA'] || 'C:\\ProgramData' : env['APPDATA'] || join(home, 'AppData', 'Roaming')
    return { path: join(folder, 'uv', 'uv.toml'), table: ['index'] }
  }
  const folder = scope === 'global' ? '/etc' : env['XDG_CONFIG_HOME'] || join(home, '.config')
  return { path: join(folder, 'uv', 'uv.toml'), table: ['index'] }
}

function withOlderSettings(edit: Edit, path: string, above: readonly string[]): Edit {
  const file = new TomlFile(edit.text, path)
  const found = [above, [...above, 'pip']].flatMap((table) =>
    OLDER_SETTINGS.filter((key) => file.value([...table, key]) !== undefined).map((key) => [...table, key].join('.')),
  )
  const conflicts = found.map((key) => `${path} sets ${key}, which would stand beside the index. Remove it by hand.`)
  return { text: edit.text, conflicts: [...edit.conflicts, ...conflicts] }
}

function environmentConflicts({ env, index }: SetupRequest): readonly string[] {
  const same = (name: string) => (env[name] ?? '').replace(/\/+$/, '') === index.simple.replace(/\/+$/, '')
  const added = ['UV_INDEX', 'UV_EXTRA_INDEX_URL', 'UV_FIND_LINKS', 'UV_NO_CONFIG', 'UV_NO_INDEX']
  const replaced = ['UV_DEFAULT_INDEX', 'UV_INDEX_URL'].filter((name) => !same(name))
  return [...added, ...replaced].filter((name) => (env[name] ?? '') !== '').map(unsetIt)
}
