import { directUrl } from '../children/direct-url.ts'
import { isTable, TomlFile } from '../configuration/toml-file.ts'
import type { FoundSource, SourceKind } from './found-source.ts'

type Path = readonly string[]

/** Settings of uv's, in uv.toml, `[tool.uv]` and the table `pip` of either. */
const UV: readonly (readonly [string, SourceKind])[] = [
  ['index-url', 'index'],
  ['extra-index-url', 'extra-index'],
  ['find-links', 'links'],
  ['allow-insecure-host', 'unchecked-host'],
  ['torch-backend', 'extra-index'],
]
/** Merges by version, as pip does. */
const MERGING = /^unsafe-/
/** Tables of a Pipfile that hold no packages; every other is a category of them. */
const NO_PACKAGES = new Set(['source', 'pipenv', 'requires', 'scripts'])

/** uv.toml. Throws GuardError `config-unreadable`. */
export function uvTomlSources(text: string, path: string): readonly FoundSource[] {
  return uvTable(new TomlFile(text, path), path, [])
}

/** pyproject.toml: what uv, PDM and Poetry take from it, and requirements that are URLs. Throws GuardError `config-unreadable`. */
export function pyprojectSources(text: string, path: string): readonly FoundSource[] {
  const file = new TomlFile(text, path)
  const groups = file.value(['tool', 'poetry', 'group'])
  const poetryTables = [
    ['tool', 'poetry', 'dependencies'],
    ['tool', 'poetry', 'dev-dependencies'],
    ...Object.keys(isTable(groups) ? groups : {}).map((group) => ['tool', 'poetry', 'group', group, 'dependencies']),
  ]
  return [
    ...uvTable(file, path, ['tool', 'uv']),
    ...packageTable(file, path, 'uv', ['tool', 'uv', 'sources']),
    ...tables(file, path, 'PDM', ['tool', 'pdm', 'source']),
    ...tables(file, path, 'Poetry', ['tool', 'poetry', 'source']),
    ...poetryTables.flatMap((table) => packageTable(file, path, 'Poetry', table)),
    ...urlRequirements(file, path, [], file.value([])),
  ]
}

/** Pipfile. Throws GuardError `config-unreadable`. */
export function pipfileSources(text: string, path: string): readonly FoundSource[] {
  const file = new TomlFile(text, path)
  const whole = file.value([])
  return [
    ...tables(file, path, 'pipenv', ['source']),
    ...Object.keys(isTable(whole) ? whole : {})
      .filter((table) => !NO_PACKAGES.has(table))
      .flatMap((table) => packageTable(file, path, 'pipenv', [table])),
  ]
}

/** PDM's own configuration: `[pypi]` in the place of PyPI, `[pypi.NAME]` beside it. Throws GuardError `config-unreadable`. */
export function pdmConfigSources(text: string, path: string): readonly FoundSource[] {
  const file = new TomlFile(text, path)
  const pypi = file.value(['pypi'])
  if (!isTable(pypi)) return []
  return Object.entries(pypi).flatMap(([name, value]) => {
    const at = name === 'url' ? ['pypi', 'url'] : ['pypi', name, 'url']
    const url = name === 'url' ? value : isTable(value) ? value['url'] : undefined
    return one(file, path, 'PDM', at, name === 'url' ? 'index' : 'extra-index', url)
  })
}

/** Poetry's own configuration has no sources, but credentials for them and where to upload: only the latter have a URL. */
export function poetryConfigSources(text: string, path: string): readonly FoundSource[] {
  const file = new TomlFile(text, path)
  const repositories = file.value(['repositories'])
  return Object.entries(isTable(repositories) ? repositories : {}).flatMap(([name, value]) => {
    const url = isTable(value) ? value['url'] : undefined
    return one(file, path, 'Poetry', ['repositories', name, 'url'], 'upload', url)
  })
}

function uvTable(file: TomlFile, path: string, above: Path): readonly FoundSource[] {
  const strategies = [above, [...above, 'pip']].flatMap((table) => {
    const strategy = file.value([...table, 'index-strategy'])
    const unsafe = typeof strategy === 'string' && MERGING.test(strategy)
    return unsafe ? one(file, path, 'uv', [...table, 'index-strategy'], 'merging', strategy) : []
  })
  const settings = [above, [...above, 'pip']].flatMap((table) =>
    UV.flatMap(([name, kind]) => {
      const value = file.value([...table, name])
      const values: readonly unknown[] = Array.isArray(value) ? value : [value]
      return values.flatMap((each) => one(file, path, 'uv', [...table, name], kind, each))
    }),
  )
  return [...tables(file, path, 'uv', [...above, 'index']), ...settings, ...strategies]
}

/** Sources that are listed as tables; the first is as much asked as the others. */
function tables(file: TomlFile, path: string, client: string, table: Path): readonly FoundSource[] {
  const list = file.value(table)
  return (Array.isArray(list) ? list : []).filter(isTable).flatMap((source, at): readonly FoundSource[] => {
    const isDefault = source['default'] === true || source['name'] === 'pypi' || source['priority'] === 'primary'
    const where = `${path}:${file.line([...table, at, 'url'])}`
    const kind =
      source['type'] === 'find_links' || source['format'] === 'flat' ? 'links' : isDefault ? 'index' : 'extra-index'
    const setting = `[[${table.join('.')}]]`
    const url = source['url']
    // Poetry knows PyPI by its name alone.
    const value =
      typeof url === 'string' ? url : /^pypi$/i.test(String(source['name'])) ? 'https://pypi.org/simple/' : undefined
    return value === undefined ? [] : [{ kind, client, where, setting, value }]
  })
}

/** Packages with a place of their own: `{ url = … }`, `{ git = … }`. */
function packageTable(file: TomlFile, path: string, client: string, table: Path): readonly FoundSource[] {
  const packages = file.value(table)
  return Object.entries(isTable(packages) ? packages : {}).flatMap(([name, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).filter(isTable).flatMap((each) =>
      ['url', 'git', 'file'].flatMap((key) => {
        const value = each[key]
        // A file without a scheme is one of this machine's.
        return key === 'file' && !String(value).includes('://')
          ? []
          : one(file, path, client, [...table, name, key], 'direct-url', value, `${name} in [${table.join('.')}]`)
      }),
    ),
  )
}

/** `name @ URL` in any list of requirements: dependencies, groups, build requirements. */
function urlRequirements(file: TomlFile, path: string, at: Path, value: unknown): readonly FoundSource[] {
  if (isTable(value)) {
    return Object.entries(value).flatMap(([key, inner]) => urlRequirements(file, path, [...at, key], inner))
  }
  if (!Array.isArray(value)) return []
  return value.flatMap((each: unknown) => {
    const url = typeof each === 'string' ? directUrl(each) : undefined
    return url === undefined || url === each ? [] : one(file, path, 'every client', at, 'direct-url', url)
  })
}

function one(
  file: TomlFile,
  path: string,
  client: string,
  at: Path,
  kind: SourceKind,
  value: unknown,
  setting = at.join('.'),
): readonly FoundSource[] {
  if (typeof value !== 'string' || value === '') return []
  return [{ kind, client, where: `${path}:${file.line(at)}`, setting, value }]
}
