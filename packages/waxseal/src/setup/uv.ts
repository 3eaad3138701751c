import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tableText, TomlFile, uvFiles } from '@waxseal/guard/configuration'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { insecureNotes, ONLY_INDEX, readingNotes } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import type { SourcePins } from './source-pins.ts'
import { pinConflicts, withPins } from './source-pins.ts'
import { otherUvFiles, uvEnvironmentConflicts, withoutOtherPlaces, workspaceConflicts } from './uv-places.ts'

const IN_PYPROJECT = ['tool', 'uv', 'index']
/** An explicit index is asked for the packages that name it only; a flat one is a page of links. */
const LIMITS = ['explicit', 'format']

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
  const inProject = dirname(path) === request.projectDir
  const netrc = netrcFile(request)
  const variable = `UV_INDEX_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
  return {
    files: [
      {
        path,
        shown: tableText(table, values),
        secret: false,
        edit: (before) => uvEdit(before, path, table, values),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: [
      ...uvEnvironmentConflicts(request),
      ...otherUvFiles(request, path),
      ...(inProject ? workspaceConflicts(request) : []),
      ...(path === join(request.projectDir, 'uv.toml') ? pinsBeside(request) : []),
    ],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...(ca === undefined ? [] : [`Certificates: uv takes them from the environment, SSL_CERT_FILE=${ca}`]),
      ...readingNotes(request, `Or set ${variable}_USERNAME and ${variable}_PASSWORD.`),
      `Upload: uv publish --index ${name}, with the token in UV_PUBLISH_TOKEN.`,
      ...(inProject ? ['Then uv lock: a uv.lock that is there still names the indexes of before.'] : []),
    ],
  }
}

/** The file that uv reads: a project's uv.toml hides the `[tool.uv]` beside it. */
function target(request: SetupRequest): {
  readonly path: string
  readonly table: readonly string[]
} {
  const { scope, projectDir, env } = request
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
      : { path: pyproject, table: IN_PYPROJECT }
  }
  const { user, global } = uvFiles(request)
  return { path: scope === 'global' ? (global.at(-1) ?? user) : user, table: ['index'] }
}

function uvEdit(
  before: string | undefined,
  path: string,
  table: readonly string[],
  values: ReadonlyMap<string, string | boolean>,
): Edit {
  const simple = String(values.get('url'))
  const edit = withoutOtherPlaces(
    onlySource(before, { path, table, values, limits: LIMITS }),
    path,
    table.slice(0, -1),
    simple,
  )
  return table === IN_PYPROJECT ? withPins(edit, pinsOf(path)) : edit
}

/** A project's uv.toml hides the settings of the pyproject.toml beside it, but not which index a package is bound to. */
function pinsBeside({ projectDir }: SetupRequest): readonly string[] {
  const path = join(projectDir, 'pyproject.toml')
  if (!existsSync(path)) return []
  return pinConflicts(new TomlFile(readFileSync(path, 'utf8'), path), { ...pinsOf(path), sources: ['index'] })
}

function pinsOf(path: string): SourcePins {
  return { path, sources: IN_PYPROJECT, packages: [['tool', 'uv', 'sources']], key: 'index' }
}
