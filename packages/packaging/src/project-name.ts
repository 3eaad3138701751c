import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_NAME_LENGTH } from './limits.ts'

// No `i` and no `u` flag: with both, U+212A (Kelvin sign) and U+017F (long s) match [a-z] and then lower-case to plain ASCII.
const VALID_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** Whether `name` is a project name as PEP 508 spells them: ASCII, 1 to {@link MAX_NAME_LENGTH} characters, any case. */
export function isValidProjectName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && VALID_NAME.test(name)
}

/**
 * The one form under which a project is stored and compared (PEP 503): lower case, runs of `-`, `_` and `.` become one `-`.
 * Validates first, because lower-casing turns some non-ASCII characters into ASCII ones.
 * @throws PackagingError `name-invalid`
 */
export function normalizeProjectName(name: string): string {
  if (!isValidProjectName(name)) {
    throw new PackagingError('name-invalid', `${excerpt(name)} is not a valid project name.`)
  }
  return name.replaceAll(/[-_.]+/g, '-').toLowerCase()
}

/**
 * The normal form of an extra's name, which follows the rules of project names (PEP 685).
 * @throws PackagingError `name-invalid`
 */
export function normalizeExtra(extra: string): string {
  if (!isValidProjectName(extra)) {
    throw new PackagingError('name-invalid', `${excerpt(extra)} is not a valid name of an extra.`)
  }
  return normalizeProjectName(extra)
}

/**
 * Collapses names that people confuse (attacks.md NAME-CONF, PyPI's `ultranormalize_name`): separators vanish, `l` and `i`
 * become `1`, `o` becomes `0`. Two names with the same result look alike; the result is for comparing only.
 * @throws PackagingError `name-invalid`
 */
export function ultranormalizeProjectName(name: string): string {
  return normalizeProjectName(name).replaceAll('-', '').replaceAll(/[li]/g, '1').replaceAll('o', '0')
}
