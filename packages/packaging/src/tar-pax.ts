import { gzipError } from './gzip-reader.ts'

/** Warehouse's sentence (behaviour.md 1.4 U, attacks.md TAR-SPARSE). */
export const SPARSE_REASON = 'Sparse members are not allowed'

/** What extension headers say of the next member. */
export interface TarExtension {
  readonly path?: string
  readonly linkpath?: string
  readonly size?: number
}

/**
 * Reads the records of a pax header. Refused: sparse files, a name or size said twice, a character set other than UTF-8, and in a
 * global header whatever would change members, which readers apply differently (attacks.md TAR-SYM, GHSA-w476-p2h3-79g9).
 */
export function readPax(bytes: Uint8Array, kind: 'next' | 'global'): TarExtension {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const seen = new Map<string, string>()
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at)
    const digits = space < 0 || space - at > 8 ? '' : body.toString('latin1', at, space)
    const end = at + Number(digits)
    if (!/^[1-9][0-9]*$/.test(digits) || end > body.length || end <= space + 1 || body[end - 1] !== 0x0a) {
      throw gzipError('Malformed pax header')
    }
    const record = body.subarray(space + 1, end - 1)
    const equals = record.indexOf(0x3d)
    const key = record.toString('latin1', 0, Math.max(equals, 0))
    if (equals < 1) throw gzipError('Malformed pax header')
    if (key.startsWith('GNU.sparse.') || key === 'SCHILY.realsize') throw gzipError(SPARSE_REASON)
    if (key === 'path' || key === 'linkpath' || key === 'size' || key === 'hdrcharset') {
      if (seen.has(key) || kind === 'global') throw gzipError(`A pax header overrides ${key}`)
      seen.set(key, decodeTarName(record.subarray(equals + 1)))
    }
    at = end
  }
  const charset = seen.get('hdrcharset')
  if (charset !== undefined && charset !== 'ISO-IR 10646 2000 UTF-8') throw gzipError('Filename not unicode')
  const [path, linkpath, size] = [seen.get('path'), seen.get('linkpath'), seen.get('size')]
  if (size !== undefined && !/^[0-9]{1,15}$/.test(size)) throw gzipError('Malformed pax header')
  return {
    ...(path !== undefined && { path }),
    ...(linkpath !== undefined && { linkpath }),
    ...(size !== undefined && { size: Number(size) }),
  }
}

/** A name up to its NUL. */
export function decodeTarName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw gzipError('Filename not unicode', { cause: error })
  }
}
