import { basename, dirname, resolve } from 'node:path'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { GuardError } from '../error.ts'
import { mappedRequirement, type Preparing } from './preparing.ts'
import { readBounded } from './read-file.ts'

/** PEP 751: `pylock.toml` or `pylock.NAME.toml`. */
export function isLockName(path: string): boolean {
  return /^pylock(?:\.[^.]+)?\.toml$/.test(basename(path))
}

/** As `RequirementsFiles.prepare`, for a PEP 751 lock file: its URLs must be of files of the trusted index. */
export async function preparePylock(preparing: Preparing, path: string, given: string): Promise<string> {
  const bytes = await readBounded(path, 'lock-unreadable')
  if (bytes === undefined) return given
  const text = bytes.toString('utf8')
  const lock = parseLock(text, path)
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
  return changed ? await preparing.temporary.write(basename(path), stringify(lock)) : given
}

function parseLock(text: string, path: string): TomlTable {
  try {
    return parse(text)
  } catch (error) {
    throw new GuardError('lock-unreadable', `${path} is not valid TOML: make the lock again.`, {
      cause: error,
      data: { path },
    })
  }
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

function tables(value: unknown): readonly TomlTable[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter(isTable)
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function lineOf(text: string, value: string): number {
  const at = text.indexOf(value)
  return at === -1 ? 1 : text.slice(0, at).split('\n').length
}
