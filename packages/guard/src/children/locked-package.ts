import type { TomlTable } from 'smol-toml'
import { mappedRequirement, type Preparing } from './preparing.ts'

const REPOSITORIES = ['git', 'hg', 'svn', 'bzr']
const FILES = ['file', 'path', 'url']

/** Checks where an entry of a Pipfile or of a lock says that a package comes from. @throws requirement-refused */
export function checkPackageOrigin(preparing: Preparing, path: string, name: string, entry: TomlTable): void {
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string') continue
    if (REPOSITORIES.includes(key)) mappedRequirement(preparing, `git+${value}`, `${path}: ${name}`)
    if (FILES.includes(key)) mappedRequirement(preparing, value, `${path}: ${name}`)
  }
}
