import { createHash } from 'node:crypto'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { normalizeProjectName } from './project-name.ts'
import { formatRecord } from './record.ts'
import type { RecordEntry } from './record.ts'
import { formatVersion, parseVersion } from './version.ts'
import { readWheelLayout } from './wheel-layout.ts'
import { writeStoredZip } from './zip-writer.ts'

/** A wheel to be written. */
export interface WheelContent {
  /** Any spelling; the file uses the normal one. */
  readonly name: string
  readonly version: string
  /** The METADATA file, whole. */
  readonly metadata: Uint8Array | string
  /** `python-abi-platform`; without it `py3-none-any`. */
  readonly tag?: string
  /** Other members by path; below `.dist-info` they stand with the metadata. */
  readonly files?: ReadonlyMap<string, Uint8Array | string>
  /** What WHEEL names as its maker. */
  readonly generator?: string
}

const TAG = /^[a-z0-9_]+-[a-z0-9_]+-[a-z0-9_]+$/
const GENERATOR = /^[\x20-\x7e]{1,100}$/

/**
 * Writes a wheel whose bytes follow from the content alone, on every system and version of Node (behaviour.md 6.3): the members
 * sorted by code unit, then `.dist-info` with METADATA, WHEEL, its other files, and RECORD last, where readers by ranges look first.
 * @throws PackagingError for a name, version, tag or path that may not stand in a wheel
 */
export function writeWheel(content: WheelContent): Uint8Array {
  const tag = content.tag ?? 'py3-none-any'
  const generator = content.generator ?? 'waxseal'
  if (!TAG.test(tag)) throw refuse(`${excerpt(tag)} is no tag`)
  if (!GENERATOR.test(generator)) throw refuse('the generator is not one line of text')
  const name = normalizeProjectName(content.name).replaceAll('-', '_')
  const version = formatVersion(parseVersion(content.version))
  const distInfo = `${name}-${version}.dist-info`
  const isPure = tag.endsWith('-none-any')
  const wheel = `Wheel-Version: 1.0\nGenerator: ${generator}\nRoot-Is-Purelib: ${isPure}\nTag: ${tag}\n`

  const others = [...(content.files ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
  const isDistInfo = ([path]: readonly [string, unknown]): boolean => path.startsWith(`${distInfo}/`)
  const members = [
    ...others.filter((file) => !isDistInfo(file)),
    [`${distInfo}/METADATA`, content.metadata] as const,
    [`${distInfo}/WHEEL`, wheel] as const,
    ...others.filter(isDistInfo),
  ].map(([path, data]) => ({ name: path, data: typeof data === 'string' ? Buffer.from(data, 'utf8') : data }))
  const recordPath = `${distInfo}/RECORD`
  const paths = [...members.map((member) => member.name), recordPath]
  // What `inspectWheel` would refuse is not written.
  readWheelLayout(
    paths.map((path) => ({ name: path, isDirectory: path.endsWith('/') })),
    { rawName: name, rawVersion: version },
  )
  const rows = members.map((member): RecordEntry => ({
    path: member.name,
    hash: { algorithm: 'sha256', digest: createHash('sha256').update(member.data).digest('base64url') },
    size: member.data.length,
  }))
  return writeStoredZip([...members, { name: recordPath, data: formatRecord([...rows, { path: recordPath }]) }])
}

function refuse(reason: string): PackagingError {
  return new PackagingError('archive-invalid', `The wheel cannot be written: ${reason}.`)
}
