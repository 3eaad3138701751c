import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_FILENAME_LENGTH } from './limits.ts'
import { isValidProjectName, normalizeProjectName } from './project-name.ts'
import { formatVersion, tryParseVersion } from './version.ts'
import type { Version } from './version.ts'

/** What the file name of a PEP 625 sdist says. */
export interface SdistFilename {
  /** The project in normal form. */
  readonly name: string
  readonly version: Version
}

const LEGACY_EXTENSIONS: readonly string[] = ['.tar.gz', '.zip', '.tar.bz2', '.tgz']
const LEGACY_VERSION = /^[0-9][A-Za-z0-9._+!]*$/
/** What bdist_dumb puts behind the version where it has no hyphen: such a file holds a built distribution. */
const DUMB_PLATFORM = /\.(?:win32|mingw[a-z0-9_]*|cli|os2emx)$/i

/**
 * Reads the file name of an sdist strictly (PEP 625): `{name with _}-{normalised version}.tar.gz`, one hyphen, nothing else, so
 * that it can be split in one way only (attacks.md FN-AMB).
 * @throws PackagingError `filename-invalid`
 */
export function parseSdistFilename(filename: string): SdistFilename {
  const refuse = (reason: string): PackagingError =>
    new PackagingError('filename-invalid', `${excerpt(filename)} is not an sdist's file name: ${reason}.`)

  if (filename.length > MAX_FILENAME_LENGTH) throw refuse('it is too long')
  if (!filename.endsWith('.tar.gz')) throw refuse('it does not end in .tar.gz')
  const [rawName = '', rawVersion, ...rest] = filename.slice(0, -'.tar.gz'.length).split('-')
  if (rawVersion === undefined || rest.length > 0) throw refuse('it does not have exactly one hyphen')
  if (!isValidProjectName(rawName)) throw refuse('the project name is not valid')
  const version = tryParseVersion(rawVersion)
  if (version === undefined) throw refuse('the version is not valid')
  const name = normalizeProjectName(rawName)
  const expected = formatSdistFilename(name, version)
  if (filename !== expected) throw refuse(`it should be ${excerpt(expected)}`)
  return { name, version }
}

/** The only file name that PEP 625 allows for an sdist of this project and version. */
export function formatSdistFilename(name: string, version: Version): string {
  return `${normalizeProjectName(name).replaceAll('-', '_')}-${formatVersion(version)}.tar.gz`
}

/**
 * The version of an sdist that is known to stand on a project's page, legacy spellings included (several hyphens, `.zip`,
 * `.tar.bz2`, `.tgz`), or `undefined` when the file does not belong to that project. A legacy name can only be split by knowing
 * the project: `foo-bar-1.0.tar.gz` is 1.0 of `foo-bar` and nothing of `foo` (standards.md 3.3).
 * The version is in its normal spelling where PEP 440 can read it, else as written.
 */
export function sdistVersionForProject(filename: string, normalizedProject: string): string | undefined {
  const extension = LEGACY_EXTENSIONS.find((candidate) => filename.toLowerCase().endsWith(candidate))
  if (extension === undefined || filename.length > MAX_FILENAME_LENGTH) return undefined
  const stem = filename.slice(0, -extension.length)

  // Two prefixes that both end in a letter or digit never share a normal form, so at most one position fits.
  for (let hyphen = stem.indexOf('-'); hyphen !== -1; hyphen = stem.indexOf('-', hyphen + 1)) {
    const prefix = stem.slice(0, hyphen)
    if (!isValidProjectName(prefix) || normalizeProjectName(prefix) !== normalizedProject) continue
    const rawVersion = stem.slice(hyphen + 1)
    const version = /\s/.test(rawVersion) ? undefined : tryParseVersion(rawVersion)
    if (version !== undefined) return formatVersion(version)
    return LEGACY_VERSION.test(rawVersion) && !DUMB_PLATFORM.test(rawVersion) ? rawVersion : undefined
  }
  return undefined
}
