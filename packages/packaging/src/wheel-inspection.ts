import type { ByteSource } from './byte-source.ts'
import { parseCoreMetadata } from './core-metadata.ts'
import { parseEntryPoints } from './entry-points.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { checkBudget } from './inspection-budget.ts'
import type { InspectionBudget } from './inspection-budget.ts'
import {
  MAX_ENTRY_POINTS_BYTES,
  MAX_MEMBER_PATH_BYTES,
  MAX_METADATA_BYTES,
  MAX_RECORD_BYTES,
  MAX_WHEEL_FILE_BYTES,
} from './limits.ts'
import { normalizeProjectName } from './project-name.ts'
import { parseRecord } from './record.ts'
import type { RecordEntry } from './record.ts'
import { compareVersions, tryParseVersion } from './version.ts'
import { parseWheelFilename } from './wheel-filename.ts'
import type { WheelFilename } from './wheel-filename.ts'
import { checkArchiveSize, readWheelLayout, wheelError } from './wheel-layout.ts'
import { verifyRecord } from './wheel-record.ts'
import { compareTags, parseWheelFile } from './wheel-tags.ts'
import { readZipDirectory } from './zip-directory.ts'
import type { ZipEntry } from './zip-directory.ts'
import { readZipEntry } from './zip-member.ts'

/** Rows of RECORD beyond twice the members: empty lines, directories. */
const MAX_RECORD_SLACK = 64
/** The longest path with each quote written twice, a digest and a size. */
const MAX_RECORD_ROW_BYTES = 2 * MAX_MEMBER_PATH_BYTES + 256

/** What was proven of a wheel. */
export interface WheelInspection {
  /** The bytes of METADATA, as they are. */
  readonly metadata: Uint8Array
  /** The tags of WHEEL, as written. */
  readonly wheelTags: readonly string[]
  readonly recordEntries: readonly RecordEntry[]
  readonly topLevelNames: readonly string[]
  readonly distInfoDirectory: string
  readonly entryPointsText?: string
  readonly hasPth: boolean
  readonly uncompressedSize: number
  readonly memberCount: number
  /** Whether the wheel has a file of exactly this path, for License-File (PEP 639). */
  has(path: string): boolean
}

export interface WheelInspectionOptions {
  /** `false` leaves the members' digests unchecked (a wheel that an upstream vouches for); names are checked all the same. */
  readonly verifyRecord?: boolean
  /** Ends a long inspection between two members; its reason is thrown. */
  readonly signal?: AbortSignal
  /** Beyond it the inspection ends with `limit-exceeded`. */
  readonly budget?: InspectionBudget
}

/**
 * Inspects a wheel by ranges, in flat memory: its framing (`readZipDirectory`), sizes, paths, the one `.dist-info`, WHEEL and its
 * tags, RECORD against every member, entry points, and that METADATA names the project and version of the file name
 * (standards.md 3.2, attacks.md group F). Everything that it returns was checked.
 * @throws PackagingError for whatever is wrong with the wheel; errors of the source pass through
 */
export async function inspectWheel(
  source: ByteSource,
  filename: string,
  options: WheelInspectionOptions = {},
): Promise<WheelInspection> {
  const name = parseWheelFilename(filename)
  const entries = await readZipDirectory(source)
  const uncompressedSize = checkArchiveSize(entries, source.size)
  checkBudget({ bytes: uncompressedSize, members: entries.length }, options.budget)
  const layout = readWheelLayout(entries, name)
  const byName = new Map(entries.map((entry) => [entry.name, entry]))
  const distInfo = `${layout.distInfoDirectory}/`

  const wheelFile = parseWheelFile(await readMember(source, byName, `${distInfo}WHEEL`, MAX_WHEEL_FILE_BYTES))
  compareTags(wheelFile, name)
  const metadata = await readMember(source, byName, `${distInfo}METADATA`, MAX_METADATA_BYTES)
  compareMetadataName(metadata, name)
  const entryPointsText = await readEntryPoints(source, byName.get(`${distInfo}entry_points.txt`))
  const record = byName.get(`${distInfo}RECORD`)
  // The sentence of Warehouse (behaviour.md 1.4 X).
  if (record === undefined) throw missing(`Wheel ${excerpt(filename)} does not contain the required RECORD file`)
  // RECORD has no more rows than there are members, but for directories, which a wheel need not hold and RECORD need not list.
  const maxRows = MAX_RECORD_SLACK + 2 * entries.length
  const maxBytes = Math.min(MAX_RECORD_BYTES, maxRows * MAX_RECORD_ROW_BYTES)
  const recordEntries = parseRecord(await readZipEntry(source, record, maxBytes), maxRows)
  if (options.verifyRecord !== false) {
    await verifyRecord(source, entries, recordEntries, layout.distInfoDirectory, options.signal)
  }
  return {
    ...layout,
    metadata,
    wheelTags: wheelFile.tags,
    recordEntries,
    ...(entryPointsText !== undefined && { entryPointsText }),
    uncompressedSize,
    memberCount: entries.length,
    has: (path) => byName.get(path)?.isDirectory === false,
  }
}

async function readMember(
  source: ByteSource,
  entries: ReadonlyMap<string, ZipEntry>,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const entry = entries.get(path)
  if (entry === undefined) throw wheelError(`it has no ${excerpt(path)}`)
  return readZipEntry(source, entry, maxBytes)
}

async function readEntryPoints(source: ByteSource, entry: ZipEntry | undefined): Promise<string | undefined> {
  if (entry === undefined) return undefined
  const bytes = await readZipEntry(source, entry, MAX_ENTRY_POINTS_BYTES)
  let text: string
  try {
    // Python keeps a byte order mark; `parseEntryPoints` refuses it.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new PackagingError('metadata-invalid', 'entry_points.txt is not UTF-8.', { cause: error })
  }
  parseEntryPoints(text)
  return text
}

/** Name and version of METADATA against the file name: what the file says of itself must be what it is offered as. */
function compareMetadataName(bytes: Uint8Array, filename: WheelFilename): void {
  const metadata = parseCoreMetadata(bytes)
  if (normalizeProjectName(metadata.name) !== filename.name) throw wheelError('METADATA names another project')
  const version = tryParseVersion(metadata.version)
  if (version === undefined || compareVersions(version, filename.version) !== 0) {
    throw wheelError('METADATA names another version')
  }
}

function missing(sentence: string): PackagingError {
  return new PackagingError('archive-invalid', `${sentence}.`)
}
