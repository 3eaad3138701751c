import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client, ClientName, Outcome } from '../support/clients.ts'
import type { Distribution } from '../support/python-projects.ts'

export type Target = { readonly url: string; readonly token: string }

/** Uploads one built file the way a user of this client does, from an otherwise empty project in `folder`. */
export type Uploader = (client: Client, folder: string, file: Distribution, target: Target) => Promise<Outcome>

const legacy = ({ url }: Target): string => `${url}/legacy/`

const writeDist = (folder: string, file: Distribution): void => {
  rmSync(join(folder, 'dist'), { recursive: true, force: true })
  mkdirSync(join(folder, 'dist'))
  writeFileSync(join(folder, 'dist', file.filename), file.bytes)
}

const twine: Uploader = (client, folder, file, target) => {
  writeDist(folder, file)
  const credentials = ['--username', '__token__', '--password', target.token]
  return client.run(
    [
      'upload',
      '--verbose',
      '--non-interactive',
      '--repository-url',
      legacy(target),
      ...credentials,
      `dist/${file.filename}`,
    ],
    { cwd: folder },
  )
}

/** Poetry 1.3 fills the form from pyproject.toml, not from the file: the two must say the same, as after `poetry build`. */
const poetry: Uploader = (client, folder, file, target) => {
  writeDist(folder, file)
  const project = `[tool.poetry]\nname = "${file.name}"\nversion = "${file.version}"\ndescription = "an upload"\nauthors = []\n`
  writeFileSync(join(folder, 'pyproject.toml'), `${project}[tool.poetry.dependencies]\npython = "*"\n`)
  const env = {
    POETRY_REPOSITORIES_WAXSEAL_URL: legacy(target),
    POETRY_HTTP_BASIC_WAXSEAL_USERNAME: '__token__',
    POETRY_HTTP_BASIC_WAXSEAL_PASSWORD: target.token,
    POETRY_VIRTUALENVS_CREATE: 'false',
  }
  return client.run(['publish', '--repository', 'waxseal'], { cwd: folder, env })
}

const pdm: Uploader = (client, folder, file, target) => {
  writeDist(folder, file)
  const project = `[project]\nname = "${file.name}"\nversion = "${file.version}"\nrequires-python = ">=3.11"\n`
  writeFileSync(join(folder, 'pyproject.toml'), project)
  const env = {
    PDM_PUBLISH_REPO: legacy(target),
    PDM_PUBLISH_USERNAME: '__token__',
    PDM_PUBLISH_PASSWORD: target.token,
    PDM_USE_VENV: '0',
  }
  // PDM 2.29 loses the reason phrase in its caching HTTP client: it shows status and body, the body with `-vv` only.
  const verbose = client.generation === 'newest' ? ['-vv'] : []
  return client.run(['publish', '--no-build', ...verbose], { cwd: folder, env })
}

/**
 * flit always builds what it uploads: the file only says name and version, and its sha256 stands in the module, so that
 * other bytes of the file are other bytes of what flit builds.
 */
const flit: Uploader = (client, folder, file, target) => {
  const module = file.name.replaceAll('-', '_')
  writeFileSync(join(folder, `${module}.py`), `"""An upload."""\nBYTES = '${file.sha256}'\n`)
  writeFileSync(
    join(folder, 'pyproject.toml'),
    `[build-system]
requires = ["flit_core >=3.2"]
build-backend = "flit_core.buildapi"
[project]
name = "${file.name}"
version = "${file.version}"
description = "an upload"
[tool.flit.module]
name = "${module}"
`,
  )
  const env = {
    FLIT_INDEX_URL: legacy(target),
    FLIT_USERNAME: '__token__',
    FLIT_PASSWORD: target.token,
    SOURCE_DATE_EPOCH: '1700000000',
  }
  return client.run(['publish', '--format', 'wheel'], { cwd: folder, env })
}

export const uploaders = { twine, poetry, pdm, flit } satisfies Partial<Record<ClientName, Uploader>>
export type UploaderName = keyof typeof uploaders
