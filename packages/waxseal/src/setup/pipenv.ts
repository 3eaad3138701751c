import { join } from 'node:path'
import { insecureNotes, ONLY_INDEX, pipEnvironmentConflicts, readingNotes } from './credential-notes.ts'
import { netrcFile } from './netrc-file.ts'
import { onlySource } from './only-source.ts'
import { requireProjectFile } from './project-file.ts'
import type { SetupPlan, SetupRequest } from './setup-plan.ts'
import { tableText } from './toml-file.ts'

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
        edit: (before) => onlySource(before, { path, table: ['source'], values, keep: ['name'] }),
      },
      ...(netrc === undefined ? [] : [netrc]),
    ],
    snippets: [],
    conflicts: pipEnvironmentConflicts(request),
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
