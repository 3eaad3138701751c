import type { TomlTable } from 'smol-toml'
import { GuardError } from '../error.ts'
import { directUrl } from './direct-url.ts'
import { withoutUserinfo, type Preparing } from './preparing.ts'
import { readBounded } from './read-file.ts'
import { parseToml, strings, table } from './toml.ts'

/** A TOML file of a project; undefined where there is none. @throws configuration-refused for one that is no TOML. */
export async function readProjectFile(path: string): Promise<TomlTable | undefined> {
  const bytes = await readBounded(path, 'configuration-refused')
  return bytes === undefined ? undefined : parseToml(bytes.toString('utf8'), path, 'configuration-refused')
}

/**
 * Checks the requirements of a `pyproject.toml`. A URL of the trusted index is refused too: the file is the user's, and the child reads
 * it where it is. @throws requirement-refused
 */
export function checkProjectRequirements(preparing: Preparing, path: string, project: TomlTable): void {
  if (preparing.allowDirectUrls) return
  const pdm = table(table(project['tool'])['pdm'])
  const uv = table(table(project['tool'])['uv'])
  const lists: readonly (readonly [string, unknown])[] = [
    ['project.dependencies', table(project['project'])['dependencies']],
    ['build-system.requires', table(project['build-system'])['requires']],
    ...Object.entries(table(table(project['project'])['optional-dependencies'])),
    ...Object.entries(table(project['dependency-groups'])),
    ...Object.entries(table(pdm['dev-dependencies'])),
    [
      'tool.pdm.resolution.overrides',
      Object.entries(table(table(pdm['resolution'])['overrides'])).map(
        ([name, from]) => `${name} @ ${strings(from).join('')}`,
      ),
    ],
    ['tool.uv.dev-dependencies', uv['dev-dependencies']],
    ['tool.uv.override-dependencies', uv['override-dependencies']],
    ['tool.uv.constraint-dependencies', uv['constraint-dependencies']],
    ['tool.uv.build-constraint-dependencies', uv['build-constraint-dependencies']],
  ]
  for (const [place, list] of lists) {
    for (const requirement of strings(list)) {
      const url = directUrl(requirement.replace(/^-e\s+/, ''))
      if (url === undefined) continue
      throw new GuardError(
        'requirement-refused',
        `${path}: ${place} has ${withoutUserinfo(requirement)}, which names a URL. Require it by name and version, so that it comes from ${preparing.origin}, verified.`,
        { data: { path, url: withoutUserinfo(url) } },
      )
    }
  }
}

export function refusedSource(preparing: Preparing, path: string, what: string, instead: string): GuardError {
  return new GuardError(
    'configuration-refused',
    `${path}: ${withoutUserinfo(what)} is refused behind the guard, where everything comes from ${preparing.origin}, verified. ${instead}`,
    { data: { path, what: withoutUserinfo(what) } },
  )
}
