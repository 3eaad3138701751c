import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { isTable, TomlFile, uvFiles, withoutSecrets } from '@waxseal/guard/configuration'
import { unsetIt } from './credential-notes.ts'
import type { Edit, SetupRequest } from './setup-plan.ts'
import { isPublicDefault, sameUrl } from './setup-plan.ts'

/** Settings of uv's beside `index` that name an index or another place, or none; the table `pip` has the same. */
const OTHER_PLACES = ['index-url', 'extra-index-url', 'find-links', 'no-index', 'torch-backend'] as const

/** Takes the settings that reach another place out; each is a conflict, but for PyPI as the index. */
export function withoutOtherPlaces(edit: Edit, path: string, above: readonly string[], simple: string): Edit {
  const file = new TomlFile(edit.text, path)
  const conflicts = placesIn(file, above, simple).flatMap(([key, value]) => {
    file.removeAt(key)
    const isReplaced = key.at(-1) === 'index-url' && isPublicDefault(value) && file.value(key) === undefined
    return isReplaced
      ? []
      : [
          `${path} sets ${key.join('.')} (${withoutSecrets(value)}), which would stand beside the index. ${
            file.value(key) === undefined ? 'Remove it, or have it taken out with --force.' : 'Remove it by hand.'
          }`,
        ]
  })
  return { text: file.text, conflicts: [...edit.conflicts, ...conflicts] }
}

function placesIn(
  file: TomlFile,
  above: readonly string[],
  simple: string,
): readonly (readonly [key: readonly string[], value: string])[] {
  return [above, [...above, 'pip']].flatMap((table) =>
    OTHER_PLACES.flatMap((name) => {
      const key = [...table, name]
      const value = file.value(key)
      const text = Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : JSON.stringify(value)
      if (value === undefined || value === false || text === '') return []
      return name === 'index-url' && sameUrl(text, simple) ? [] : [[key, text] as const]
    }),
  )
}

/** What uv's other files add to the index in `target`; a default index counts in a file that comes before it only. */
export function otherUvFiles(request: SetupRequest, target: string): readonly string[] {
  const { env, index } = request
  if ((env['UV_CONFIG_FILE'] ?? '') !== '') return []
  const { user, global } = uvFiles(request)
  const read = [user, ...global]
  const rank = read.indexOf(target)
  return read.flatMap((path, at) => {
    if (path === target || !existsSync(path)) return []
    const wins = at < rank
    const file = new TomlFile(readFileSync(path, 'utf8'), path)
    const list = file.value(['index'])
    const added = (Array.isArray(list) ? list : []).filter(isTable).flatMap(({ url, default: isDefault, explicit }) => {
      const place = typeof url === 'string' ? url : ''
      const counts = explicit !== true && (isDefault !== true || wins) && !sameUrl(place, index.simple)
      return counts ? [[['index'], place] as const] : []
    })
    const settings = placesIn(file, [], index.simple).filter(([key]) => key.at(-1) !== 'index-url' || wins)
    return [...added, ...settings].map(
      ([key, value]) => `${path}, which uv reads too: ${key.join('.')} is ${withoutSecrets(value)}. Remove it there.`,
    )
  })
}

/** uv passes the configuration of a workspace's members over: that of its root counts. */
export function workspaceConflicts({ projectDir }: SetupRequest): readonly string[] {
  for (
    let folder = dirname(projectDir), below = projectDir;
    folder !== below;
    below = folder, folder = dirname(folder)
  ) {
    const path = join(folder, 'pyproject.toml')
    if (!existsSync(path)) continue
    const workspace = new TomlFile(readFileSync(path, 'utf8'), path).value(['tool', 'uv', 'workspace'])
    if (!isTable(workspace)) continue
    const matches = (list: unknown) =>
      Array.isArray(list) &&
      list.some((glob) => typeof glob === 'string' && matchesGlob(relative(folder, projectDir), glob))
    return matches(workspace['members']) && !matches(workspace['exclude'])
      ? [
          `${projectDir} belongs to the workspace in ${folder}, whose configuration alone counts. Say --project-dir ${folder}.`,
        ]
      : []
  }
  return []
}

/** Variables that would add or replace an index, or turn the configuration off. */
export function uvEnvironmentConflicts({ env, index }: SetupRequest): readonly string[] {
  const added = ['UV_INDEX', 'UV_EXTRA_INDEX_URL', 'UV_FIND_LINKS', 'UV_NO_CONFIG', 'UV_NO_INDEX', 'UV_TORCH_BACKEND']
  const replaced = ['UV_DEFAULT_INDEX', 'UV_INDEX_URL'].filter((name) => !sameUrl(env[name] ?? '', index.simple))
  const upload = ['UV_PUBLISH_URL'].filter((name) => !sameUrl(env[name] ?? '', index.legacy))
  return [...added, ...replaced, ...upload]
    .filter((name) => (env[name] ?? '') !== '')
    .map((name) => unsetIt(name, env[name]))
}
