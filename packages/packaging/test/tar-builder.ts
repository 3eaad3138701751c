import { tarChecksums } from '../src/tar-header.ts'

export interface BuiltTarMember {
  readonly name: string
  readonly data?: string | Uint8Array
  readonly type?: string
  readonly link?: string
  readonly prefix?: string
  /** Magic and version; those of POSIX unless said. */
  readonly magic?: string
  /** Size as the header states it, whatever `data` says. */
  readonly size?: number
  readonly checksum?: number
}

/** Writes tar archives that are right unless a test asks for something wrong; without the end when `open`. */
export function buildTar(members: readonly BuiltTarMember[], options: { readonly open?: boolean } = {}): Uint8Array {
  const parts: Uint8Array[] = []
  for (const member of members) {
    const data = Buffer.from(member.data ?? '')
    const header = Buffer.alloc(512)
    header.write(member.name, 0, 100, 'utf8')
    header.write('0000644\0', 100, 'latin1')
    header.write(`${(member.size ?? data.length).toString(8).padStart(11, '0')}\0`, 124, 'latin1')
    header.write(member.type ?? '0', 156, 'latin1')
    header.write(member.link ?? '', 157, 100, 'utf8')
    header.write(member.magic ?? 'ustar\u000000', 257, 8, 'latin1')
    header.write(member.prefix ?? '', 345, 155, 'utf8')
    const sum = member.checksum ?? tarChecksums(header)[0]
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    parts.push(header, data, Buffer.alloc((512 - (data.length % 512)) % 512))
  }
  if (options.open !== true) parts.push(Buffer.alloc(1024))
  return new Uint8Array(Buffer.concat(parts))
}

/** A pax header with these records. */
export function pax(records: Readonly<Record<string, string>>, type: 'x' | 'g' = 'x'): BuiltTarMember {
  const data = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`
    let length = Buffer.byteLength(rest) + 1
    while (String(length).length + Buffer.byteLength(rest) !== length) length += 1
    return `${length}${rest}`
  })
  return { name: 'PaxHeader', type, data: data.join('') }
}
