import { join } from 'node:path'
import { isTable, tableText, TomlFile } from '@waxseal/guard/configuration'
import { insecureNotes, ONLY_INDEX, readingNotes, unsetIt } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import { requireProjectFile } from './project-file.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { sameUrl } from './setup-plan.ts'
import { withPins } from './source-pins.ts'

const TABLE = ['tool', 'poetry', 'source']

/** pyproject.toml: the one primary source, which takes the place of PyPI. */
export function planPoetry(request: SetupRequest): SetupPlan {
  const { index, name, ca, clientVersion } = request
  const path = requireProjectFile(request, join(request.projectDir, 'pyproject.toml'), 'poetry init')
  // Priorities came with Poetry 1.5; before, the one default source said it, which Poetry 2 does not know any more.
  const old = clientVersion !== undefined && /^(?:0|1\.[0-4])(?:\.|$)/.test(clientVersion)
  const values = new Map<string, string | boolean>([
    ['name', name],
    ['url', index.simple],
    old ? ['default', true] : ['priority', 'primary'],
  ])
  const netrc = netrcFile(request)
  return {
    files: [
      {
        path,
        shown: tableText(TABLE, values),
        secret: false,
        edit: (before) => poetryEdit(before, path, values, old),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: uploadVariable(request),
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...(ca === undefined ? [] : [`Certificates: poetry config certificates.${name}.cert ${ca}`]),
      ...readingNotes(
        request,
        `Or: poetry config http-basic.${name} ${request.username ?? '__token__'}, which asks for the token and keeps it in your keyring.`,
      ),
      ...(clientVersion === undefined
        ? ['Poetry before 1.5 knows no priorities: say --client-version, for example 1.3.']
        : []),
      'Poetry 1 builds sdists with pip, which needs the index in its own file: waxseal setup pip.',
      `Upload: poetry config repositories.${name} ${index.legacy}, then poetry publish --repository ${name}.`,
      'Then poetry lock: a lock file that is there still names the sources of before.',
    ],
  }
}

function poetryEdit(
  before: string | undefined,
  path: string,
  values: ReadonlyMap<string, string | boolean>,
  old: boolean,
): Edit {
  // Each generation calls the keys of the other an error.
  const limits = old ? ['priority', 'secondary'] : ['default', 'secondary']
  const edit = onlySource(before, { path, table: TABLE, values, limits })
  const groups = new TomlFile(edit.text, path).value(['tool', 'poetry', 'group'])
  const packages = [
    ['tool', 'poetry', 'dependencies'],
    ['tool', 'poetry', 'dev-dependencies'],
    ...Object.keys(isTable(groups) ? groups : {}).map((group) => ['tool', 'poetry', 'group', group, 'dependencies']),
  ]
  return withPins(edit, { path, sources: TABLE, packages, key: 'source' })
}

/** Poetry's environment says nothing about sources, but where `poetry publish --repository` goes. */
function uploadVariable({ env, name, index }: SetupRequest): readonly string[] {
  const variable = `POETRY_REPOSITORIES_${name.toUpperCase().replaceAll('-', '_')}_URL`
  const value = env[variable] ?? ''
  return value === '' || sameUrl(value, index.legacy) ? [] : [unsetIt(variable, value)]
}
