import { PackagingError } from './error.ts'
import { MAX_FILENAME_LENGTH } from './limits.ts'
import { sdistVersionForProject } from './sdist-filename.ts'
import { formatVersion } from './version.ts'
import { parseWheelFilename } from './wheel-filename.ts'

/** What a file on a project's page is. */
export interface Distribution {
  readonly kind: 'wheel' | 'sdist'
  /** In its normal spelling where PEP 440 can read it, else as written. */
  readonly version: string
}

// An allow-list rather than a list of what is dangerous: `!` is for epochs, `+` for local labels.
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/

/**
 * Whether a file name can be stored, linked and shown as it is (attacks.md FN-PATH): ASCII letters, digits and `._+!-` only, so no
 * separator, drive, percent sign, control or non-ASCII character; begins with a letter or digit, does not end in a dot, and has at
 * most {@link MAX_FILENAME_LENGTH} bytes. Ask it of the name after exactly one decoding.
 */
export function isSafeFilename(filename: string): boolean {
  return filename.length <= MAX_FILENAME_LENGTH && SAFE.test(filename) && !filename.endsWith('.')
}

/**
 * Says what an upstream's file is, given the project on whose page it stands, in normal form; `undefined` for what is not
 * offered: other projects' files, eggs, installers, dumb archives, unsafe names. Never throws: one bad entry must not cost a page.
 */
export function classifyDistribution(filename: string, normalizedProject: string): Distribution | undefined {
  if (!isSafeFilename(filename)) return undefined
  if (filename.endsWith('.whl')) return classifyWheel(filename, normalizedProject)
  const version = sdistVersionForProject(filename, normalizedProject)
  return version === undefined ? undefined : { kind: 'sdist', version }
}

function classifyWheel(filename: string, normalizedProject: string): Distribution | undefined {
  try {
    const wheel = parseWheelFilename(filename)
    return wheel.name === normalizedProject ? { kind: 'wheel', version: formatVersion(wheel.version) } : undefined
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
