import { crc32, deflateRawSync } from 'node:zlib'

/** Fields of one header that a test wants to be wrong. */
export interface HeaderOverrides {
  readonly signature?: number
  readonly name?: string | Uint8Array
  readonly flags?: number
  readonly method?: number
  readonly crc?: number
  readonly compressedSize?: number
  readonly uncompressedSize?: number
  readonly extra?: Uint8Array
  readonly comment?: Uint8Array
  readonly version?: number
  readonly offset?: number
  readonly attributes?: number
  readonly disk?: number
}

export interface BuiltEntry {
  readonly name: string | Uint8Array
  readonly data?: string | Uint8Array
  readonly deflate?: boolean
  /** Compressed bytes as they shall stand, whatever `data` says. */
  readonly raw?: Uint8Array
  readonly both?: HeaderOverrides
  readonly local?: HeaderOverrides | 'absent'
  readonly central?: HeaderOverrides | 'absent'
}

export interface ArchiveOverrides {
  readonly prefix?: Uint8Array
  /** Between the last member and the central directory. */
  readonly gap?: Uint8Array
  readonly comment?: Uint8Array
  readonly suffix?: Uint8Array
  readonly entries?: number
  readonly offset?: number
  readonly size?: number
  readonly zip64?: {
    readonly recordSize?: number
    readonly locatorOffset?: number
    readonly extensible?: Uint8Array
    readonly entries?: number
  }
  readonly endDisk?: number
}

/** Writes ZIP archives that are right unless a test asks for something wrong. */
export function buildZip(entries: readonly BuiltEntry[], archive: ArchiveOverrides = {}): Uint8Array {
  const parts: Uint8Array[] = [archive.prefix ?? new Uint8Array(0)]
  let at = parts[0]?.length ?? 0
  const centrals: Uint8Array[] = []
  for (const entry of entries) {
    const data = bytes(entry.data ?? '')
    const raw = entry.raw ?? (entry.deflate === true ? deflateRawSync(data) : data)
    const base = {
      name: bytes(entry.name),
      flags: bytes(entry.name).some((byte) => byte > 127) ? 0x0800 : 0,
      method: entry.deflate === true ? 8 : 0,
      crc: crc32(data),
      compressedSize: raw.length,
      uncompressedSize: data.length,
      offset: at,
      ...entry.both,
    }
    if (entry.central !== 'absent') centrals.push(centralHeader({ ...base, ...entry.central }))
    if (entry.local === 'absent') continue
    const local = localHeader({ ...base, ...entry.local })
    parts.push(local, raw)
    at += local.length + raw.length
  }
  const gap = archive.gap ?? new Uint8Array(0)
  at += gap.length
  const directory = Buffer.concat(centrals)
  const end = {
    entries: archive.entries ?? centrals.length,
    offset: archive.offset ?? at,
    size: archive.size ?? directory.length,
  }
  const tail = archive.zip64 === undefined ? [] : zip64End(end, at + directory.length, archive.zip64)
  const shown = archive.zip64 === undefined ? end : { entries: 0xffff, offset: 0xffff_ffff, size: 0xffff_ffff }
  const comment = archive.comment ?? new Uint8Array(0)
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  record.writeUInt16LE(archive.endDisk ?? 0, 4)
  record.writeUInt16LE(shown.entries, 8)
  record.writeUInt16LE(shown.entries, 10)
  record.writeUInt32LE(shown.size, 12)
  record.writeUInt32LE(shown.offset, 16)
  record.writeUInt16LE(comment.length, 20)
  return new Uint8Array(
    Buffer.concat([...parts, gap, directory, ...tail, record, comment, archive.suffix ?? new Uint8Array(0)]),
  )
}

/** One extra field. */
export function extraField(id: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(payload.length, 2)
  return Buffer.concat([head, payload])
}

/** A ZIP64 extra field with these 64-bit numbers. */
export function zip64Extra(...numbers: readonly number[]): Uint8Array {
  const payload = Buffer.alloc(numbers.length * 8)
  numbers.forEach((value, index) => payload.writeBigUInt64LE(BigInt(value), index * 8))
  return extraField(1, payload)
}

function localHeader(h: HeaderOverrides): Uint8Array {
  const name = bytes(h.name ?? '')
  const extra = h.extra ?? new Uint8Array(0)
  const head = Buffer.alloc(30)
  head.writeUInt32LE(h.signature ?? 0x04034b50, 0)
  shared(head, 4, h)
  head.writeUInt16LE(name.length, 26)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

function centralHeader(h: HeaderOverrides): Uint8Array {
  const name = bytes(h.name ?? '')
  const extra = h.extra ?? new Uint8Array(0)
  const comment = h.comment ?? new Uint8Array(0)
  const head = Buffer.alloc(46)
  head.writeUInt32LE(h.signature ?? 0x02014b50, 0)
  head.writeUInt16LE(0x0314, 4)
  shared(head, 6, h)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt16LE(comment.length, 32)
  head.writeUInt16LE(h.disk ?? 0, 34)
  head.writeUInt32LE(h.attributes ?? 0o100644 * 0x10000, 38)
  head.writeUInt32LE(h.offset ?? 0, 42)
  return Buffer.concat([head, name, extra, comment])
}

function shared(head: Buffer, at: number, h: HeaderOverrides): void {
  head.writeUInt16LE(h.version ?? 20, at)
  head.writeUInt16LE(h.flags ?? 0, at + 2)
  head.writeUInt16LE(h.method ?? 0, at + 4)
  head.writeUInt16LE(0x21, at + 8)
  head.writeUInt32LE(h.crc ?? 0, at + 10)
  head.writeUInt32LE(h.compressedSize ?? 0, at + 14)
  head.writeUInt32LE(h.uncompressedSize ?? 0, at + 18)
}

function zip64End(
  end: { readonly entries: number; readonly offset: number; readonly size: number },
  position: number,
  options: NonNullable<ArchiveOverrides['zip64']>,
): readonly Uint8Array[] {
  const extensible = options.extensible ?? new Uint8Array(0)
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(BigInt(options.recordSize ?? 44 + extensible.length), 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  record.writeBigUInt64LE(BigInt(options.entries ?? end.entries), 24)
  record.writeBigUInt64LE(BigInt(options.entries ?? end.entries), 32)
  record.writeBigUInt64LE(BigInt(end.size), 40)
  record.writeBigUInt64LE(BigInt(end.offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(options.locatorOffset ?? position), 8)
  locator.writeUInt32LE(1, 16)
  return [record, extensible, locator]
}

function bytes(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}
