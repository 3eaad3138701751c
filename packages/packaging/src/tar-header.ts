const BLOCK = 512
const CHECKSUM_START = 148
const CHECKSUM_END = 156

/**
 * Whether a tar reader would take these bytes for the first header of an archive: the checksum is right, counted over signed or
 * unsigned bytes, as Python's tarfile does it (attacks.md ZIP-TAR).
 */
export function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < BLOCK) return false
  const stated = readTarNumber(bytes.subarray(CHECKSUM_START, CHECKSUM_END))
  return stated !== undefined && tarChecksums(bytes).includes(stated)
}

/** The sum of a header's bytes with the checksum's own place counted as spaces: over unsigned bytes, and over signed ones. */
export function tarChecksums(block: Uint8Array): readonly [number, number] {
  let unsigned = 0
  let signed = 0
  for (let at = 0; at < BLOCK; at += 1) {
    const byte = at >= CHECKSUM_START && at < CHECKSUM_END ? 0x20 : (block[at] ?? 0)
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  return [unsigned, signed]
}

/** A number of a tar header: octal digits, ended by NUL or space, or GNU's base 256. `undefined` when it is neither. */
export function readTarNumber(field: Uint8Array): number | undefined {
  const first = field[0] ?? 0
  if (first === 0x80) {
    let value = 0
    for (const byte of field.subarray(1)) value = value * 256 + byte
    return Number.isSafeInteger(value) ? value : undefined
  }
  if (first >= 0x80) return undefined
  const text = Buffer.from(field.buffer, field.byteOffset, field.byteLength).toString('latin1')
  const end = text.indexOf('\0')
  const digits = (end < 0 ? text : text.slice(0, end)).trim()
  if (digits === '') return 0
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}
