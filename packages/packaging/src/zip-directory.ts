import type { ByteSource } from './byte-source.ts'
import { MAX_ARCHIVE_ENTRIES, MAX_ZIP_DIRECTORY_BYTES } from './limits.ts'
import { isTarHeader } from './tar-header.ts'
import { readZipEnd } from './zip-end.ts'
import { zipError } from './zip-error.ts'
import { LOCAL_LENGTH, localHeaderLength, readCentralHeader, readLocalHeader } from './zip-header.ts'
import type { ZipCentralHeader, ZipHeader } from './zip-header.ts'
import { readExactly, ZipWindow } from './zip-window.ts'

/** One member of an archive whose framing every reader understands the same way. */
export interface ZipEntry {
  /** As stored, with `/` between components and at the end of a directory. */
  readonly name: string
  readonly isDirectory: boolean
  readonly method: 'stored' | 'deflate'
  readonly compressedSize: number
  readonly uncompressedSize: number
  readonly crc32: number
  /** Where the member's compressed bytes start in the archive. */
  readonly dataOffset: number
}

const FILE_TYPE = 0o170000
const REGULAR = 0o100000
const DIRECTORY = 0o040000
/** Nothing, deflated. */
const MAX_EMPTY_DEFLATE = 2

/**
 * Reads the framing of a ZIP archive by ranges: the end, the central directory, and each local header where it stands. Accepts
 * only archives that every reader takes for the same list of members: local headers back to back from byte 0, each equal to its
 * central header, the central directory right behind them, the end record last (behaviour.md 1.5; attacks.md ZIP-DUP, ZIP-LFH,
 * ZIP-TAIL, ZIP-PRE, ZIP-DD, ZIP-METH, ZIP-TAR). Entries come in the order of the central directory. The members' data is not
 * looked at. Throws PackagingError `archive-invalid` with Warehouse's reasons, or `limit-exceeded`.
 */
export async function readZipDirectory(source: ByteSource): Promise<readonly ZipEntry[]> {
  const end = await readZipEnd(source)
  if (end.entries > MAX_ARCHIVE_ENTRIES || end.size > MAX_ZIP_DIRECTORY_BYTES) {
    throw zipError(`More than ${MAX_ARCHIVE_ENTRIES} members`, { limit: true })
  }
  const centrals = readCentralDirectory(await readExactly(source, end.offset, end.size), end.entries)
  if (isTarHeader(await readExactly(source, 0, Math.min(512, source.size)))) {
    throw zipError('File is also a tar archive')
  }
  const starts = await walkLocalHeaders(source, end.offset, centrals)
  return [...centrals.values()].map((central) => toEntry(central, starts.get(central.name) ?? 0))
}

function readCentralDirectory(bytes: Uint8Array, entries: number): Map<string, ZipCentralHeader> {
  const centrals = new Map<string, ZipCentralHeader>()
  for (let at = 0; at < bytes.length;) {
    const central = readCentralHeader(bytes, at)
    if (centrals.has(central.name)) throw zipError('Duplicate filename in central directory')
    centrals.set(central.name, central)
    at += central.length
  }
  if (centrals.size !== entries) throw zipError('Mismatched central directory records')
  return centrals
}

/** Where each member's data starts. */
async function walkLocalHeaders(
  source: ByteSource,
  end: number,
  centrals: ReadonlyMap<string, ZipCentralHeader>,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>()
  const window = new ZipWindow(source, end)
  for (let at = 0; at < end;) {
    const length = localHeaderLength(await window.read(at, LOCAL_LENGTH))
    const local = readLocalHeader(await window.read(at, length))
    const central = centrals.get(local.name)
    if (central === undefined) throw zipError('Filename not in central directory')
    if (starts.has(local.name)) throw zipError('Duplicate filename in local headers')
    compare(local, central)
    if (central.localOffset !== at) throw zipError('Mis-matched local header offset')
    starts.set(local.name, at + length)
    at += length + central.compressedSize
    // A member that reaches into the central directory would be read twice, as data and as framing.
    if (at > end) throw zipError('Mis-matched data size')
  }
  if (starts.size !== centrals.size) throw zipError('Missing filename in local headers')
  return starts
}

function compare(local: ZipHeader, central: ZipCentralHeader): void {
  if (local.compressedSize !== central.compressedSize) throw zipError('Mis-matched data size')
  if (local.uncompressedSize !== central.uncompressedSize) throw zipError('Mis-matched file size')
  if (local.crc32 !== central.crc32) throw zipError('Mis-matched checksum')
  if (local.method !== central.method) throw zipError('Mis-matched compression type')
  if (local.flags !== central.flags) throw zipError('Mis-matched flags')
}

function toEntry(central: ZipCentralHeader, dataOffset: number): ZipEntry {
  const isDirectory = central.name.endsWith('/')
  const type = central.unixMode & FILE_TYPE
  if (type !== 0 && type !== (isDirectory ? DIRECTORY : REGULAR)) throw zipError('Member is not a regular file')
  if (isDirectory && (central.uncompressedSize !== 0 || central.compressedSize > MAX_EMPTY_DEFLATE)) {
    throw zipError('Directory with data')
  }
  if (central.method === 0 && central.compressedSize !== central.uncompressedSize)
    throw zipError('Mis-matched file size')
  return {
    name: central.name,
    isDirectory,
    method: central.method === 0 ? 'stored' : 'deflate',
    compressedSize: central.compressedSize,
    uncompressedSize: central.uncompressedSize,
    crc32: central.crc32,
    dataOffset,
  }
}
