import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { writeTar } from '../test/support/plain-tar.ts'
import type { Distribution } from '../test/support/python-projects.ts'
import { MARK } from './attempt.ts'

/** Python that leaves words about what it did in the home of whoever runs it. */
export function leaveMark(words: string): string {
  return `import os; open(os.path.expanduser('~/${MARK}'), 'w').write(${JSON.stringify(words)})\n`
}

/** A PEP 517 backend that makes a wheel of one empty module; `extra` stands at its beginning, `dependency` in the wheel's metadata. */
export function backendModule(
  { name, version }: { readonly name: string; readonly version: string },
  {
    extra = '',
    dependency,
    buildRequires = [],
  }: { readonly extra?: string; readonly dependency?: string; readonly buildRequires?: readonly string[] } = {},
): string {
  const module = name.replaceAll('-', '_')
  const requires = dependency === undefined ? '' : `Requires-Dist: ${dependency}\\n`
  return `import os, zipfile
${extra}
STEM = '${module}-${version}'
FILES = {
  '${module}.py': '',
  STEM + '.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: ${name}\\nVersion: ${version}\\n${requires}',
  STEM + '.dist-info/WHEEL': 'Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
}
def get_requires_for_build_wheel(config_settings=None):
  return ${JSON.stringify(buildRequires)}
def build_wheel(folder, config_settings=None, metadata_directory=None):
  wheel = STEM + '-py3-none-any.whl'
  names = list(FILES) + [STEM + '.dist-info/RECORD']
  with zipfile.ZipFile(os.path.join(folder, wheel), 'w') as archive:
    for path, text in FILES.items(): archive.writestr(path, text)
    archive.writestr(names[-1], ''.join(path + ',,\\n' for path in names))
  return wheel
def build_sdist(folder, config_settings=None):
  raise NotImplementedError
`
}

/** An sdist that is built by `backend`: a module that stands in it, or one that `requires` brings. */
export function sdistBuiltBy(
  { name, version }: { readonly name: string; readonly version: string },
  backend: { readonly text: string } | { readonly module: string; readonly requires: readonly string[] },
): Distribution {
  const stem = `${name.replaceAll('-', '_')}-${version}`
  const inTree = 'text' in backend
  const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nSummary: ${name} for the attacks\n`
  const pyproject = inTree
    ? `[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`
    : `[build-system]\nrequires = ${JSON.stringify(backend.requires)}\nbuild-backend = "${backend.module}"\n`
  const members = new Map([
    [`${stem}/PKG-INFO`, Buffer.from(metadata)],
    [`${stem}/pyproject.toml`, Buffer.from(pyproject)],
    ...(inTree ? [[`${stem}/backend.py`, Buffer.from(backend.text)] as const] : []),
  ])
  const bytes = gzipSync(writeTar(members))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { name, version, filename: `${stem}.tar.gz`, bytes, sha256, metadata }
}
