import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder that somebody named, with those above it that are missing, and gives back the first that was made;
 * undefined where it is there already. Node's own `recursive` goes on for ever where a folder that is there takes none and
 * says ENOENT, as `/proc` does.
 *
 * @throws the system's error
 */
export function makeFolders(path: string, mode: number): string | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return undefined
  const above = dirname(path) === path ? undefined : makeFolders(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    // Another process may have made it meanwhile.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return above
    throw error
  }
  return above ?? path
}
