import { join } from 'node:path'
import { isTable, tableText, TomlFile } from '@waxseal/guard/configuration'
import { insecureNotes, ONLY_INDEX, readingNotes, unsetIt } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import { pipEnvironmentConflicts } from './pip-options.ts'
import { otherPipFiles } from './pip.ts'
import { requireProjectFile } from './project-file.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { sameUrl } from './setup-plan.ts'
import { withPins } from './source-pins.ts'

/** Tables of a Pipfile that hold no packages; every other is a category of them. */
const NO_PACKAGES = new Set(['source', 'pipenv', 'requires', 'scripts'])

/** The Pipfile's one source. It keeps its name where it has one: packages may be pinned to it. */
export function planPipenv(request: SetupRequest): SetupPlan {
  const { index, name, ca } = request
  const path = requireProjectFile(
    request,
    request.env['PIPENV_PIPFILE'] || join(request.projectDir, 'Pipfile'),
    'pipenv install',
  )
  const values = new Map<string, string | boolean>([
    ['name', name],
    ['url', index.simple],
    ['verify_ssl', true],
  ])
  const netrc = netrcFile(request)
  return {
    files: [
      {
        path,
        shown: tableText(['source'], values),
        secret: false,
        edit: (before) => pipfileEdit(before, path, values),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: [...pipEnvironmentConflicts(request), ...mirror(request), ...otherPipFiles(request)],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...(ca === undefined ? [] : [`Certificates: in the environment, PIP_CERT=${ca} and REQUESTS_CA_BUNDLE=${ca}`]),
      ...readingNotes(
        request,
        `Or name environment variables in the Pipfile: url = "${index.simple.replace('://', '://__token__:${WAXSEAL_TOKEN}@')}"; pipenv fills them in.`,
      ),
      'For a single run, without a change of the Pipfile: PIPENV_PYPI_MIRROR takes the place of PyPI.',
      'Then pipenv lock: a Pipfile.lock that is there still names the sources of before.',
    ],
  }
}

function pipfileEdit(before: string | undefined, path: string, values: ReadonlyMap<string, string | boolean>): Edit {
  const edit = onlySource(before, { path, table: ['source'], values, keep: ['name'] })
  const whole = new TomlFile(edit.text, path).value([])
  const packages = Object.keys(isTable(whole) ? whole : {})
    .filter((table) => !NO_PACKAGES.has(table))
    .map((table) => [table])
  return withPins(edit, { path, sources: ['source'], packages, key: 'index' })
}

/** It takes the place of PyPI wherever pipenv would ask it, in a lock file of before too. */
function mirror({ env, index }: SetupRequest): readonly string[] {
  const url = env['PIPENV_PYPI_MIRROR'] ?? ''
  return url === '' || sameUrl(url, index.simple) ? [] : [unsetIt('PIPENV_PYPI_MIRROR', url)]
}
