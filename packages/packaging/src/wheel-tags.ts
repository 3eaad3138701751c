import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import type { WheelFilename } from './wheel-filename.ts'

const MAX_TAGS = 4096

/** What a wheel's WHEEL file says (PEP 427). */
export interface WheelFile {
  readonly version: string
  /** `python-abi-platform`, one platform each, as written. */
  readonly tags: readonly string[]
  readonly build?: string
}

/**
 * Reads a WHEEL file. Refuses any other major version than 1, as installers do (behaviour.md 6.2).
 * @throws PackagingError `archive-invalid`
 */
export function parseWheelFile(bytes: Uint8Array): WheelFile {
  let text: string
  try {
    // Python keeps a byte order mark, so that the first header would be another one for it than for us.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw refuse('it is not UTF-8', { cause: error })
  }
  const tags: string[] = []
  const single = new Map<string, string>()
  for (const line of text.split(/\r\n|\n|\r/)) {
    // Like e-mail, headers end at an empty line.
    if (line === '') break
    const colon = line.indexOf(':')
    if (colon <= 0 || line.startsWith(' ') || line.startsWith('\t')) throw refuse(`${excerpt(line)} is no header`)
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'tag') tags.push(value)
    else if (name === 'wheel-version' || name === 'build') {
      if (single.has(name)) throw refuse(`it has ${excerpt(name)} twice`)
      single.set(name, value)
    }
  }
  const version = single.get('wheel-version')
  if (version === undefined || !/^1(?:\.[0-9]{1,4}){1,3}$/.test(version)) {
    throw refuse(`the version ${excerpt(version ?? '')} is not supported`)
  }
  if (tags.length === 0 || tags.length > MAX_TAGS) throw refuse('it has no tags, or too many')
  const build = single.get('build')
  return { version, tags, ...(build !== undefined && build !== '' && { build }) }
}

/**
 * Refuses a WHEEL file that says something else than the file name: an installer goes by the name, a later reader of what is
 * installed by the file.
 */
export function compareTags(file: WheelFile, filename: WheelFilename): void {
  const stated = new Set<string>()
  let count = 0
  for (const compressed of file.tags) {
    const tags = expandTag(compressed)
    count += tags.length
    if (count > MAX_TAGS) throw refuse('it has too many tags')
    for (const tag of tags) stated.add(tag)
  }
  const named = expandTags(filename.pythonTags, filename.abiTags, filename.platformTags)
  if (stated.size !== new Set(named).size || !named.every((tag) => stated.has(tag))) {
    throw refuse('its tags are not those of the file name')
  }
  const build = filename.build === undefined ? undefined : `${filename.build.number}${filename.build.suffix}`
  if (file.build !== undefined && file.build.replace(/^0+(?=[0-9])/, '') !== build) {
    throw refuse('its build tag is not that of the file name')
  }
}

/** All tags of a compressed set (PEP 425). */
export function expandTags(
  pythons: readonly string[],
  abis: readonly string[],
  platforms: readonly string[],
): readonly string[] {
  if (pythons.length * abis.length * platforms.length > MAX_TAGS) throw refuse('it has too many tags')
  return pythons.flatMap((python) => abis.flatMap((abi) => platforms.map((platform) => `${python}-${abi}-${platform}`)))
}

function expandTag(tag: string): readonly string[] {
  const parts = tag.toLowerCase().split('-')
  const [python, abi, platform] = parts
  if (parts.length !== 3 || python === undefined || abi === undefined || platform === undefined) {
    throw refuse(`${excerpt(tag)} is no tag`)
  }
  return expandTags(python.split('.'), abi.split('.'), platform.split('.'))
}

function refuse(reason: string, options?: { readonly cause?: unknown }): PackagingError {
  return new PackagingError('archive-invalid', `The wheel's WHEEL file is refused: ${reason}.`, options)
}
