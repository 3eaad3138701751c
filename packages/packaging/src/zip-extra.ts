import { crc32 } from 'node:zlib'
import { zipError } from './zip-error.ts'

const ZIP64_ID = 0x0001
const UNICODE_PATH_ID = 0x7075
const SENTINEL = 0xffff_ffff

/** The three numbers of a header that ZIP64 may move into its extra field. */
export interface ZipNumbers {
  readonly uncompressedSize: number
  readonly compressedSize: number
  /** Absent in a local header. */
  readonly localOffset?: number
}

/**
 * Checks the extra fields of one header and returns its numbers with ZIP64 applied. Readers disagree on what a ZIP64 field means
 * that does not hold exactly the numbers whose 32-bit places are all ones, and on a Unicode path (Python's zipfile obeys it) that
 * names another file: both are refused (behaviour.md 1.5, attacks.md ZIP-LFH).
 */
export function readZipExtra(
  extra: Uint8Array,
  name: Uint8Array,
  numbers: ZipNumbers,
  where: 'local' | 'central',
): ZipNumbers {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength)
  let zip64: DataView | undefined
  let unicodePath = false
  for (let at = 0; at < extra.length;) {
    if (at + 4 > extra.length) throw zipError('Malformed extra field')
    const id = view.getUint16(at, true)
    const length = view.getUint16(at + 2, true)
    const start = at + 4
    at = start + length
    if (at > extra.length) throw zipError('Malformed extra field')
    if (id === ZIP64_ID) {
      if (zip64 !== undefined) throw zipError(`Invalid duplicate extra in ${where} file`)
      zip64 = new DataView(extra.buffer, extra.byteOffset + start, length)
    } else if (id === UNICODE_PATH_ID) {
      if (unicodePath) throw zipError(`Invalid duplicate extra in ${where} file`)
      unicodePath = true
      checkUnicodePath(extra.subarray(start, at), name)
    }
  }
  return applyZip64(zip64, numbers)
}

function checkUnicodePath(field: Uint8Array, name: Uint8Array): void {
  const view = new DataView(field.buffer, field.byteOffset, field.byteLength)
  if (field.length < 5 || view.getUint8(0) !== 1 || view.getUint32(1, true) !== crc32(name)) {
    throw zipError('Malformed Unicode path')
  }
  if (Buffer.compare(field.subarray(5), name) !== 0) throw zipError('Unicode path differs from filename')
}

function applyZip64(field: DataView | undefined, numbers: ZipNumbers): ZipNumbers {
  let at = 0
  const resolve = (value: number): number => {
    if (value !== SENTINEL) return value
    if (field === undefined || at + 8 > field.byteLength) throw zipError('Malformed ZIP64 extra')
    const wide = field.getBigUint64(at, true)
    at += 8
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw zipError('Malformed ZIP64 extra')
    return Number(wide)
  }
  const uncompressedSize = resolve(numbers.uncompressedSize)
  const compressedSize = resolve(numbers.compressedSize)
  const localOffset = numbers.localOffset === undefined ? undefined : resolve(numbers.localOffset)
  if (field !== undefined && field.byteLength !== at) throw zipError('Malformed ZIP64 extra')
  return localOffset === undefined
    ? { uncompressedSize, compressedSize }
    : { uncompressedSize, compressedSize, localOffset }
}
