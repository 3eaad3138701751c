import { pipOption } from './pip-sources.ts'
import type { FoundSource, SourceKind } from './found-source.ts'

const VARIABLES: ReadonlyMap<string, readonly [client: string, kind: SourceKind]> = new Map([
  ['UV_DEFAULT_INDEX', ['uv', 'index']],
  ['UV_INDEX_URL', ['uv', 'index']],
  ['UV_INDEX', ['uv', 'extra-index']],
  ['UV_EXTRA_INDEX_URL', ['uv', 'extra-index']],
  ['UV_FIND_LINKS', ['uv', 'links']],
  ['UV_INSECURE_HOST', ['uv', 'unchecked-host']],
  ['UV_TORCH_BACKEND', ['uv', 'extra-index']],
  ['UV_INDEX_STRATEGY', ['uv', 'merging']],
  ['PDM_PYPI_URL', ['PDM', 'index']],
  ['PIPENV_PYPI_MIRROR', ['pipenv', 'index']],
  ['PIPENV_TEST_INDEX', ['pipenv', 'index']],
])
/** `POETRY_REPOSITORIES_NAME_URL`: where an upload goes. */
const POETRY_UPLOAD = /^POETRY_REPOSITORIES_.*_URL$/

/** What variables of the environment say. `where` is what stands before a variable's name in a finding. */
export function environmentSources(
  env: Readonly<Record<string, string | undefined>>,
  where: (name: string) => string = (name) => `environment variable ${name}`,
): readonly FoundSource[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    if (name.startsWith('PIP_')) return pipOption(name.slice('PIP_'.length), value, where(name))
    const [client, kind] = POETRY_UPLOAD.test(name) ? ['Poetry', 'upload' as const] : (VARIABLES.get(name) ?? [])
    if (client === undefined || kind === undefined) return []
    if (kind === 'merging' && !value.startsWith('unsafe-')) return []
    return value
      .split(/[\s,]+/)
      .filter((one) => one !== '')
      .map((one) => ({ kind, client, where: where(name), setting: name, value: kind === 'merging' ? one : urlOf(one) }))
  })
}

/** uv may name an index: `NAME=URL`. */
function urlOf(value: string): string {
  return /^[A-Za-z0-9._-]+=(.*:\/\/.*)$/.exec(value)?.[1] ?? value
}
