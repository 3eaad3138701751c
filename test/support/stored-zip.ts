import { crc32 } from 'node:zlib'

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const VERSION = 20
/** 1980-01-01, the earliest day a ZIP can name: the same members give the same bytes. */
const DATE = 0x21
const REGULAR_FILE = 0o100644

/** A ZIP of uncompressed members in the order of the map. Written apart from the product's writer, as its oracle. */
export const writeStoredZip = (members: ReadonlyMap<string, Buffer>): Buffer => {
  const body: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [path, content] of members) {
    const name = Buffer.from(path)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(VERSION, 0)
    common.writeUInt16LE(DATE, 8)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(content.byteLength, 14)
    common.writeUInt32LE(content.byteLength, 18)
    common.writeUInt16LE(name.byteLength, 22)
    const signature = Buffer.alloc(4)
    signature.writeUInt32LE(LOCAL)
    body.push(signature, common, name, content)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(CENTRAL, 0)
    entry.writeUInt16LE((3 << 8) | VERSION, 4)
    common.copy(entry, 6)
    entry.writeUInt32LE((REGULAR_FILE << 16) >>> 0, 38)
    entry.writeUInt32LE(offset, 42)
    directory.push(entry, name)
    offset += 30 + name.byteLength + content.byteLength
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(members.size, 8)
  end.writeUInt16LE(members.size, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...body, ...directory, end])
}
