import { basename, dirname, resolve } from 'node:path'
import { stringify, type TomlTable } from 'smol-toml'
import { mappedRequirement, type Preparing } from './preparing.ts'
import { readBounded } from './read-file.ts'
import { parseToml, tables } from './toml.ts'

/** As `RequirementsFiles.prepare`, for a PEP 751 lock file: its URLs must be of files of the trusted index. */
export async function preparePylock(preparing: Preparing, path: string): Promise<string | undefined> {
  const bytes = await readBounded(path, 'lock-unreadable')
  if (bytes === undefined) return undefined
  const text = bytes.toString('utf8')
  const lock = parseToml(text, path, 'lock-unreadable')
  let changed = false
  for (const part of partsOf(lock)) {
    const url = part.table['url']
    if (typeof url === 'string') {
      const mapped = mappedRequirement(preparing, `${part.vcs ? 'git+' : ''}${url}`, `${path}:${lineOf(text, url)}`)
      changed ||= mapped !== url
      part.table['url'] = part.vcs ? url : mapped
    }
    const local = part.table['path']
    // In a copy a relative path would start from the wrong folder.
    if (typeof local === 'string') part.table['path'] = resolve(dirname(path), local)
  }
  return changed ? await preparing.temporary.write(basename(path), stringify(lock)) : undefined
}

/** Every table of a lock that says where a package comes from. */
function partsOf(lock: TomlTable): readonly { readonly table: TomlTable; readonly vcs: boolean }[] {
  return tables(lock['packages']).flatMap((entry) => [
    ...['wheels', 'sdist', 'archive', 'directory'].flatMap((key) =>
      tables(entry[key]).map((table) => ({ table, vcs: false })),
    ),
    ...tables(entry['vcs']).map((table) => ({ table, vcs: true })),
  ])
}

function lineOf(text: string, value: string): number {
  const at = text.indexOf(value)
  return at === -1 ? 1 : text.slice(0, at).split('\n').length
}
