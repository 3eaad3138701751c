import {
  isSafeFilename,
  isValidProjectName,
  normalizeProjectName,
  parseSdistFilename,
  parseWheelFilename,
  PackagingError,
} from '@waxseal/packaging'

/** What a lock and a folder call files that are installed from. */
const DISTRIBUTION = /\.(?:whl|tar\.gz|zip)$/

export function isDistributionName(filename: string): boolean {
  return DISTRIBUTION.test(filename)
}

/** The file name at the end of a URL or path, decoded once; undefined where it has none that may be one. */
export function filenameOf(place: string): string | undefined {
  const path = /^([^?#]*)/.exec(place)?.[1] ?? ''
  const last = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  try {
    const name = decodeURIComponent(last)
    return isSafeFilename(name) ? name : undefined
  } catch {
    return undefined
  }
}

/**
 * The project that a file name belongs to, in normal form, where no lock says it. Old names of sdists can be split in
 * several ways: the last hyphen before a digit counts, which is only where a page is looked for.
 */
export function projectOfFile(filename: string): string | undefined {
  try {
    return filename.endsWith('.whl') ? parseWheelFilename(filename).name : parseSdistFilename(filename).name
  } catch (error) {
    if (!(error instanceof PackagingError)) throw error
  }
  const name = /^(.*)-[0-9][^-]*$/.exec(filename.replace(DISTRIBUTION, ''))?.[1] ?? ''
  return !filename.endsWith('.whl') && isValidProjectName(name) ? normalizeProjectName(name) : undefined
}
