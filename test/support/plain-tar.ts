const BLOCK = 512
/** 1980-01-01 in seconds: the earliest day a wheel built from these files can name. */
const MODIFIED = 315_532_800

const header = (path: string, size: number): Buffer => {
  const block = Buffer.alloc(BLOCK)
  block.write(path, 0, 100)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(`${MODIFIED.toString(8).padStart(11, '0')}\0`, 136)
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\0', 257)
  block.write('00', 263)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** A ustar archive of regular files, in the order of the map; paths up to 100 bytes. The same members give the same bytes. */
export const writeTar = (members: ReadonlyMap<string, Buffer>): Buffer => {
  const parts: Buffer[] = []
  for (const [path, content] of members) {
    parts.push(header(path, content.byteLength), content)
    parts.push(Buffer.alloc((BLOCK - (content.byteLength % BLOCK)) % BLOCK))
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}
