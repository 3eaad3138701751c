import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_FILENAME_LENGTH, MAX_VERSION_DIGITS } from './limits.ts'
import { isValidProjectName, normalizeProjectName } from './project-name.ts'
import { formatVersion, tryParseVersion } from './version.ts'
import type { Version } from './version.ts'

/** The build tag of a wheel: sorts by number, then by the text after it; a wheel without one sorts lowest. */
export interface WheelBuild {
  readonly number: bigint
  readonly suffix: string
}

/** What a wheel's file name says (PEP 427 as the living specification amends it). Tags are lower case. */
export interface WheelFilename {
  /** The project in normal form. */
  readonly name: string
  /** The project as the file name spells it. */
  readonly rawName: string
  readonly version: Version
  readonly rawVersion: string
  readonly build?: WheelBuild
  readonly pythonTags: readonly string[]
  readonly abiTags: readonly string[]
  readonly platformTags: readonly string[]
}

const BUILD = /^([0-9]+)([A-Za-z0-9_.]*)$/
const TAG = /^[A-Za-z0-9_]+$/

/**
 * Reads a wheel's file name. Accepts upper case and `.` in the name, as readers must; refuses empty tags, and a sixth part that
 * is not a build tag (a PEP 825 variant among them), because clients disagree about such names (attacks.md FN-AMB).
 * @throws PackagingError `filename-invalid`
 */
export function parseWheelFilename(filename: string): WheelFilename {
  const refuse = (reason: string): PackagingError =>
    new PackagingError('filename-invalid', `${excerpt(filename)} is not a wheel's file name: ${reason}.`)

  if (filename.length > MAX_FILENAME_LENGTH) throw refuse('it is too long')
  if (!filename.endsWith('.whl')) throw refuse('it does not end in .whl')
  const parts = filename.slice(0, -'.whl'.length).split('-')
  if (parts.length !== 5 && parts.length !== 6) throw refuse('it does not have five or six parts')
  const [rawName = '', rawVersion = ''] = parts
  const [python = '', abi = '', platform = ''] = parts.slice(-3)
  const rawBuild = parts.length === 6 ? (parts[2] ?? '') : undefined

  if (!isValidProjectName(rawName) || rawName.includes('__')) throw refuse('the project name is not valid')
  // parseVersion would strip white space, which has no place in a file name.
  const version = /\s/.test(rawVersion) ? undefined : tryParseVersion(rawVersion)
  if (version === undefined) throw refuse('the version is not valid')
  const build = rawBuild === undefined ? undefined : parseBuild(rawBuild)
  if (rawBuild !== undefined && build === undefined) throw refuse('the build tag is not valid')
  const [pythonTags, abiTags, platformTags] = [python, abi, platform].map(parseTags)
  if (pythonTags === undefined || abiTags === undefined || platformTags === undefined)
    throw refuse('a tag is not valid')

  return {
    name: normalizeProjectName(rawName),
    rawName,
    version,
    rawVersion,
    ...(build !== undefined && { build }),
    pythonTags,
    abiTags,
    platformTags,
  }
}

/** The file name of a wheel in its only normal spelling: normalised name with `_`, normalised version, tags as given. */
export function formatWheelFilename(
  wheel: Pick<WheelFilename, 'name' | 'version' | 'build' | 'pythonTags' | 'abiTags' | 'platformTags'>,
): string {
  const build = wheel.build === undefined ? '' : `-${wheel.build.number}${wheel.build.suffix}`
  const tags = [wheel.pythonTags, wheel.abiTags, wheel.platformTags].map((set) => set.join('.')).join('-')
  const name = normalizeProjectName(wheel.name).replaceAll('-', '_')
  return `${name}-${formatVersion(wheel.version)}${build}-${tags}.whl`
}

function parseBuild(text: string): WheelBuild | undefined {
  const [, digits, suffix] = BUILD.exec(text) ?? []
  if (digits === undefined || suffix === undefined || digits.length > MAX_VERSION_DIGITS) return undefined
  return { number: BigInt(digits), suffix }
}

function parseTags(text: string): readonly string[] | undefined {
  const tags = text.split('.')
  return tags.every((tag) => TAG.test(tag)) ? tags.map((tag) => tag.toLowerCase()) : undefined
}
