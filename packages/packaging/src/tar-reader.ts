import { gzipError } from './gzip-reader.ts'
import { MAX_ARCHIVE_ENTRIES, MAX_TAR_EXTENSION_BYTES } from './limits.ts'
import { isTarHeader, readTarNumber } from './tar-header.ts'
import { decodeTarName, readPax, SPARSE_REASON } from './tar-pax.ts'
import type { TarExtension } from './tar-pax.ts'

const BLOCK = 512
const SLASH = 0x2f

export type TarKind = 'file' | 'directory' | 'symlink' | 'hardlink'

/** One member of a tar archive, with every extension applied. */
export interface TarMember {
  /** As written, a directory without its last `/`. */
  readonly path: string
  readonly kind: TarKind
  /** Bytes; 0 for all but files. */
  readonly size: number
  /** Where a link points; empty for the others. */
  readonly linkTarget: string
}

/**
 * Walks a tar archive in one pass and calls `visit` for each member before its data; what it returns gets the data. An own reader
 * rather than a library's: the points where tar readers see different archives are the extension headers (a size or a path said
 * twice, sparse maps, global overrides), which a library has applied before it hands a member over, so that a caller cannot refuse
 * them (attacks.md TAR-SPARSE, TAR-DEV, GHSA-w476-p2h3-79g9, GHSA-3cv2-h65g-fgmm). Behind the end only zeros may follow.
 * @throws PackagingError `archive-invalid`
 */
export async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  visit: (member: TarMember) => ((data: Uint8Array) => void) | undefined,
): Promise<void> {
  const input = new BlockInput(chunks)
  try {
    await readMembers(input, visit)
  } finally {
    // A refusal comes before the end: who makes the chunks has to hear of it.
    input.close()
  }
}

async function readMembers(
  input: BlockInput,
  visit: (member: TarMember) => ((data: Uint8Array) => void) | undefined,
): Promise<void> {
  let extension: TarExtension = {}
  let headers = 0
  for (;;) {
    const header = await input.read(BLOCK)
    if (header.every((byte) => byte === 0)) break
    headers += 1
    if (headers > MAX_ARCHIVE_ENTRIES * 2) throw gzipError(`More than ${MAX_ARCHIVE_ENTRIES} members`)
    if (!isTarHeader(header)) throw gzipError('Malformed tar header')
    const size = readTarNumber(header.subarray(124, 136))
    if (size === undefined) throw gzipError('Malformed tar header')
    if (header[345] !== 0 && !isPosixHeader(header)) throw gzipError('A header that is not POSIX has a prefix')
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > MAX_TAR_EXTENSION_BYTES) throw gzipError('An extension header is too large')
      extension = merge(extension, readExtension(type, await input.read(size)))
      await input.skip(padding(size))
      continue
    }
    const member = readMember(header, type, size, extension)
    extension = {}
    const take = visit(member)
    await input.each(member.size, take)
    await input.skip(padding(member.size))
  }
  if (Object.keys(extension).length > 0) throw gzipError('An extension header stands before nothing')
  await input.expectZeros()
}

function readExtension(type: 'x' | 'g' | 'L' | 'K', bytes: Uint8Array): TarExtension {
  if (type === 'x') return readPax(bytes, 'next')
  if (type === 'g') return readPax(bytes, 'global')
  const end = bytes.indexOf(0)
  if (end < 0 || bytes.subarray(end).some((byte) => byte !== 0)) throw gzipError('Malformed GNU long name')
  const name = decodeTarName(bytes.subarray(0, end))
  return type === 'L' ? { path: name } : { linkpath: name }
}

/** Two extension headers may not say the same thing: which one counts differs between readers. */
function merge(a: TarExtension, b: TarExtension): TarExtension {
  for (const key of ['path', 'linkpath', 'size'] as const) {
    if (a[key] !== undefined && b[key] !== undefined) throw gzipError(`Two extension headers override ${key}`)
  }
  return { ...a, ...b }
}

function readMember(header: Uint8Array, type: string, size: number, extension: TarExtension): TarMember {
  if (extension.size !== undefined && extension.size !== size) throw gzipError('A pax header overrides size')
  const name = extension.path ?? headerName(header)
  if (name === '' || name.includes('\0')) throw gzipError('Invalid character in filename')
  // Before POSIX a directory was a file with a slash behind its name. Python looks for it in the header's own name, others in the
  // name that counts, and what one takes for the data of a file is members to the other.
  if (type === '\0' && (untilNul(header.subarray(0, 100)).at(-1) === SLASH || headerName(header).endsWith('/'))) {
    throw gzipError('A file has the name of a directory')
  }
  const kind = readKind(type, name)
  if (kind !== 'file' && size !== 0) throw gzipError('A member that is no file has data')
  const isLink = kind === 'symlink' || kind === 'hardlink'
  const linkTarget = isLink ? (extension.linkpath ?? decodeTarName(untilNul(header.subarray(157, 257)))) : ''
  if (linkTarget.includes('\0') || isLink === (linkTarget === '')) throw gzipError('Malformed link')
  return { path: name.endsWith('/') ? name.slice(0, -1) : name, kind, size, linkTarget }
}

function readKind(type: string, name: string): TarKind {
  switch (type) {
    case '0':
    case '\0':
      if (name.endsWith('/')) throw gzipError('A file has the name of a directory')
      return 'file'
    case '5':
      return 'directory'
    case '2':
      return 'symlink'
    case '1':
      return 'hardlink'
    case 'S':
      throw gzipError(SPARSE_REASON)
    case '3':
    case '4':
    case '6':
      throw gzipError('Devices and pipes are not allowed')
    default:
      throw gzipError('Unsupported type of member')
  }
}

function headerName(header: Uint8Array): string {
  const name = decodeTarName(untilNul(header.subarray(0, 100)))
  const prefix = decodeTarName(untilNul(header.subarray(345, 500)))
  return prefix === '' ? name : `${prefix}/${name}`
}

/**
 * Whether the header has a prefix at all: GNU's keep times in its place, and the oldest nothing. Python puts it before the name in
 * every header, so that it may stand only where all readers do.
 */
function isPosixHeader(header: Uint8Array): boolean {
  return Buffer.from(header.subarray(257, 265)).toString('latin1') === 'ustar\u000000'
}

function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

/** Exact reads over chunks of any size, without keeping more than one of them. */
class BlockInput {
  readonly #iterator: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  /** Nothing more will be read. */
  close(): void {
    this.#iterator.return?.().catch(() => undefined)
  }

  async read(length: number): Promise<Uint8Array> {
    const out = Buffer.alloc(length)
    let at = 0
    await this.each(length, (data) => {
      out.set(data, at)
      at += data.length
    })
    return out
  }

  async skip(length: number): Promise<void> {
    await this.each(length, undefined)
  }

  async each(length: number, take: ((data: Uint8Array) => void) | undefined): Promise<void> {
    for (let left = length; left > 0;) {
      if (this.#chunk.length === 0 && !(await this.#more())) throw gzipError('Truncated archive')
      const part = this.#chunk.subarray(0, left)
      this.#chunk = this.#chunk.subarray(part.length)
      left -= part.length
      take?.(part)
    }
  }

  /** The second zero block and the padding of the record. */
  async expectZeros(): Promise<void> {
    let seen = 0
    do {
      if (this.#chunk.some((byte) => byte !== 0)) throw gzipError('Trailing data')
      seen += this.#chunk.length
    } while (await this.#more())
    if (seen < BLOCK) throw gzipError('Truncated archive')
  }

  async #more(): Promise<boolean> {
    const result = await this.#iterator.next()
    if (result.done === true) return false
    this.#chunk = result.value
    return true
  }
}
