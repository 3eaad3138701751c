import { crc32 } from 'node:zlib'
import { CENTRAL_LENGTH, CENTRAL_SIGNATURE, LOCAL_LENGTH, LOCAL_SIGNATURE } from './zip-header.ts'
import { zipError } from './zip-error.ts'

const END_LENGTH = 22
/** 1980-01-01, the first day that ZIP knows. */
const DOS_DATE = 0x0021
const VERSION_NEEDED = 20
const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED
const REGULAR_FILE_644 = 0o100644 * 0x1_0000
const FLAG_UTF8 = 0x0800

/**
 * Writes a ZIP archive that depends on nothing but names and contents: stored, because deflate differs between versions of zlib;
 * one date; no extras, comments or data descriptors (behaviour.md 6.3). Members keep their order.
 * @throws PackagingError `archive-invalid` for what needs ZIP64
 */
export function writeStoredZip(members: readonly { readonly name: string; readonly data: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const member of members) {
    const name = Buffer.from(member.name, 'utf8')
    const central = Buffer.alloc(CENTRAL_LENGTH)
    central.writeUInt32LE(CENTRAL_SIGNATURE, 0)
    central.writeUInt16LE(MADE_BY_UNIX, 4)
    writeShared(central.subarray(6), name, member.data)
    central.writeUInt32LE(REGULAR_FILE_644, 38)
    if (offset > 0xffff_fffe) throw zipError('Archive is too large to be written')
    central.writeUInt32LE(offset, 42)
    directory.push(central, name)
    const local = Buffer.alloc(LOCAL_LENGTH)
    local.writeUInt32LE(LOCAL_SIGNATURE, 0)
    writeShared(local.subarray(4), name, member.data)
    parts.push(local, name, member.data)
    offset += LOCAL_LENGTH + name.length + member.data.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  if (offset > 0xffff_fffe || members.length > 0xfffe) throw zipError('Archive is too large to be written')
  const end = Buffer.alloc(END_LENGTH)
  end.writeUInt32LE(0x0605_4b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}

function writeShared(header: Buffer, name: Buffer, data: Uint8Array): void {
  header.writeUInt16LE(VERSION_NEEDED, 0)
  header.writeUInt16LE(name.some((byte) => byte > 0x7f) ? FLAG_UTF8 : 0, 2)
  header.writeUInt16LE(DOS_DATE, 8)
  header.writeUInt32LE(crc32(data), 10)
  header.writeUInt32LE(data.length, 14)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt16LE(name.length, 22)
}
