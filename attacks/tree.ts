import { hash } from 'node:crypto'
import { globSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One text for all that a folder holds: names, kinds and bytes. */
export function treeOf(folder: string): string {
  return globSync('**/*', { cwd: folder })
    .toSorted()
    .map((path) => {
      const full = join(folder, path)
      return lstatSync(full).isFile() ? `${path} ${hash('sha256', readFileSync(full))}` : path
    })
    .join('\n')
}

/** The sha256 of each file that a pattern finds, by path. */
export function filesOf(folder: string, ...patterns: readonly string[]): ReadonlyMap<string, string> {
  const files = globSync(patterns, { cwd: folder }).filter((path) => lstatSync(join(folder, path)).isFile())
  return new Map(files.map((path) => [path, hash('sha256', readFileSync(join(folder, path)))]))
}
