import type { ByteSource } from './byte-source.ts'
import { zipError } from './zip-error.ts'
import { readExactly } from './zip-window.ts'

const END_LENGTH = 22
const LOCATOR_LENGTH = 20
const END64_LENGTH = 56
const END_SIGNATURE = 0x0605_4b50
const LOCATOR_SIGNATURE = 0x0706_4b50
const END64_SIGNATURE = 0x0606_4b50
/** The end record and the longest comment behind it. */
const LONGEST_TAIL = END_LENGTH + 0xffff

/** Where the central directory lies, as the end of the archive says; its last byte is followed at once by the end records. */
export interface ZipEnd {
  readonly entries: number
  readonly offset: number
  readonly size: number
}

/**
 * Reads the end-of-central-directory records. The end record must be the last 22 bytes: an archive comment is refused, other than
 * by Warehouse, because uv refuses short ones and because a comment can hold a second archive (behaviour.md 1.5 and 6.3,
 * attacks.md ZIP-TAIL). A ZIP64 locator is obeyed wherever one stands, as Python's zipfile does, and must agree with the rest.
 */
export async function readZipEnd(source: ByteSource): Promise<ZipEnd> {
  if (source.size < END_LENGTH) throw zipError('Unknown record signature')
  const end = view(await readExactly(source, source.size - END_LENGTH, END_LENGTH))
  if (end.getUint32(0, true) !== END_SIGNATURE || end.getUint16(20, true) !== 0) throw await refuseTail(source)
  if (end.getUint16(4, true) !== 0 || end.getUint16(6, true) !== 0) throw zipError('Multi-disk archive')
  if (end.getUint16(8, true) !== end.getUint16(10, true)) throw zipError('Mismatched central directory records')
  const plain: ZipEnd = {
    entries: end.getUint16(10, true),
    size: end.getUint32(12, true),
    offset: end.getUint32(16, true),
  }
  const directoryEnd = source.size - END_LENGTH
  const found = await readZip64End(source, directoryEnd, plain)
  if (found !== undefined) return within(found, directoryEnd - LOCATOR_LENGTH - END64_LENGTH)
  if (plain.offset === 0xffff_ffff || plain.size === 0xffff_ffff) throw zipError('Malformed zip file')
  return within(plain, directoryEnd)
}

async function readZip64End(source: ByteSource, directoryEnd: number, plain: ZipEnd): Promise<ZipEnd | undefined> {
  if (directoryEnd < LOCATOR_LENGTH) return undefined
  const locator = view(await readExactly(source, directoryEnd - LOCATOR_LENGTH, LOCATOR_LENGTH))
  if (locator.getUint32(0, true) !== LOCATOR_SIGNATURE) return undefined
  const position = directoryEnd - LOCATOR_LENGTH - END64_LENGTH
  if (position < 0 || locator.getUint32(4, true) !== 0 || locator.getUint32(16, true) !== 1) {
    throw zipError('Malformed zip file')
  }
  const end64 = view(await readExactly(source, position, END64_LENGTH))
  if (wide(locator, 8) !== position || end64.getUint32(0, true) !== END64_SIGNATURE) {
    // What lies before the locator is a longer record when the locator points further back.
    throw zipError(wide(locator, 8) < position ? 'ZIP64 extensible data not allowed' : 'Malformed zip file')
  }
  if (wide(end64, 4) !== 44) throw zipError('ZIP64 extensible data not allowed')
  if (end64.getUint32(16, true) !== 0 || end64.getUint32(20, true) !== 0) throw zipError('Multi-disk archive')
  const found: ZipEnd = { entries: wide(end64, 32), size: wide(end64, 40), offset: wide(end64, 48) }
  if (wide(end64, 24) !== found.entries) throw zipError('Mismatched central directory records')
  if (plain.entries !== 0xffff && plain.entries !== found.entries)
    throw zipError('Mismatched central directory records')
  if (plain.size !== 0xffff_ffff && plain.size !== found.size) throw zipError('Mismatched central directory size')
  if (plain.offset !== 0xffff_ffff && plain.offset !== found.offset)
    throw zipError('Mismatched central directory offset')
  return found
}

function within(end: ZipEnd, directoryEnd: number): ZipEnd {
  if (end.size > directoryEnd) throw zipError('Mismatched central directory size')
  if (end.offset + end.size !== directoryEnd) throw zipError('Mismatched central directory offset')
  return end
}

/** Finds out which sentence an archive deserves that does not end with an end record. */
async function refuseTail(source: ByteSource): Promise<Error> {
  const length = Math.min(source.size, LONGEST_TAIL)
  const tail = await readExactly(source, source.size - length, length)
  const at = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength).lastIndexOf('PK\u0005\u0006', length, 'latin1')
  if (at < 0) return zipError('Unknown record signature')
  if (at + END_LENGTH > length) return zipError('Truncated archive')
  const comment = view(tail).getUint16(at + 20, true)
  return zipError(at + END_LENGTH + comment === length ? 'Comment at end of archive' : 'Trailing data')
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function wide(from: DataView, at: number): number {
  const value = from.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw zipError('Malformed zip file')
  return Number(value)
}
