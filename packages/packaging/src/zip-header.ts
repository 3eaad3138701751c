import { isUtf8 } from 'node:buffer'
import { readZipExtra } from './zip-extra.ts'
import { zipError } from './zip-error.ts'

export const LOCAL_SIGNATURE = 0x0403_4b50
export const CENTRAL_SIGNATURE = 0x0201_4b50
export const LOCAL_LENGTH = 30
export const CENTRAL_LENGTH = 46

const FLAG_UTF8 = 0x0800
const FLAG_DATA_DESCRIPTOR = 0x0008
const FLAGS_ENCRYPTED = 0x2041
/** The deflate level, which says nothing to a reader, and UTF-8. */
const FLAGS_HARMLESS = 0x0006 | FLAG_UTF8
/** Python's zipfile refuses what asks for more. */
const HIGHEST_VERSION_NEEDED = 63

/** What a local and a central header both say of a member. */
export interface ZipHeader {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly compressedSize: number
  readonly uncompressedSize: number
  /** Bytes from the signature to the end of this header. */
  readonly length: number
}

/** What only a central header says. */
export interface ZipCentralHeader extends ZipHeader {
  readonly localOffset: number
  readonly unixMode: number
}

/** The lengths of the variable parts of a local header, from its first 30 bytes: `[name, extra]`. */
export function localHeaderLength(fixed: Uint8Array): number {
  const view = dataView(fixed)
  if (view.getUint32(0, true) !== LOCAL_SIGNATURE) throw zipError('Unknown record signature')
  return LOCAL_LENGTH + view.getUint16(26, true) + view.getUint16(28, true)
}

/** Reads a whole local header (behaviour.md 1.5). */
export function readLocalHeader(bytes: Uint8Array): ZipHeader {
  const view = dataView(bytes)
  const fields = readShared(view, 4)
  const nameBytes = bytes.subarray(LOCAL_LENGTH, LOCAL_LENGTH + view.getUint16(26, true))
  const name = readName(nameBytes, fields.flags)
  const sizes = readZipExtra(bytes.subarray(LOCAL_LENGTH + nameBytes.length), nameBytes, fields, 'local')
  return { ...fields, ...sizes, name, length: bytes.length }
}

/** Reads the central header at `at` of the central directory `bytes` (behaviour.md 1.5). */
export function readCentralHeader(bytes: Uint8Array, at: number): ZipCentralHeader {
  if (at + CENTRAL_LENGTH > bytes.length) throw zipError('Mismatched central directory size')
  const view = dataView(bytes.subarray(at))
  if (view.getUint32(0, true) !== CENTRAL_SIGNATURE) throw zipError('Unknown record signature')
  const nameEnd = at + CENTRAL_LENGTH + view.getUint16(28, true)
  const extraEnd = nameEnd + view.getUint16(30, true)
  if (view.getUint16(32, true) !== 0) throw zipError('Comment in central directory')
  if (view.getUint16(34, true) !== 0) throw zipError('Multi-disk archive')
  if (extraEnd > bytes.length) throw zipError('Mismatched central directory size')
  const fields = readShared(view, 6)
  const nameBytes = bytes.subarray(at + CENTRAL_LENGTH, nameEnd)
  const name = readName(nameBytes, fields.flags)
  const numbers = readZipExtra(
    bytes.subarray(nameEnd, extraEnd),
    nameBytes,
    { ...fields, localOffset: view.getUint32(42, true) },
    'central',
  )
  return {
    ...fields,
    name,
    compressedSize: numbers.compressedSize,
    uncompressedSize: numbers.uncompressedSize,
    localOffset: numbers.localOffset ?? 0,
    unixMode: view.getUint32(38, true) >>> 16,
    length: extraEnd - at,
  }
}

interface SharedFields {
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly compressedSize: number
  readonly uncompressedSize: number
}

/** The fields from "version needed" on, which both headers hold in the same order. */
function readShared(view: DataView, at: number): SharedFields {
  const flags = view.getUint16(at + 2, true)
  const method = view.getUint16(at + 4, true)
  if ((flags & FLAG_DATA_DESCRIPTOR) !== 0) throw zipError('ZIP contains a data descriptor')
  if ((flags & FLAGS_ENCRYPTED) !== 0) throw zipError('Encrypted member')
  if ((flags & ~FLAGS_HARMLESS) !== 0) throw zipError('Unsupported flags')
  if (view.getUint8(at) > HIGHEST_VERSION_NEEDED) throw zipError('Unsupported version')
  if (method !== 0 && method !== 8) throw zipError('File does not use a supported compression type')
  return {
    flags,
    method,
    crc32: view.getUint32(at + 10, true),
    compressedSize: view.getUint32(at + 14, true),
    uncompressedSize: view.getUint32(at + 18, true),
  }
}

/** Without the UTF-8 flag readers take a name for code page 437 or for UTF-8: only ASCII reads the same in both. */
function readName(bytes: Uint8Array, flags: number): string {
  if (bytes.length === 0) throw zipError('Empty filename')
  if (!isUtf8(bytes)) throw zipError('Filename not unicode')
  for (const byte of bytes) {
    if (byte < 0x20 || byte === 0x7f) throw zipError('Invalid character in filename')
    if (byte > 0x7f && (flags & FLAG_UTF8) === 0) throw zipError('Filename not unicode')
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
