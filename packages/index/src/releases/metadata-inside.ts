import { createHash } from 'node:crypto'
import { PackagingError, readZipDirectory, readZipEntry } from '@waxseal/packaging'
import type { ByteSource } from '@waxseal/packaging'
import type { Blob } from '../blobs/blob-store.ts'
import { MAX_SIDECAR_SIZE } from '../limits.ts'

const METADATA = /^[^/]+\.dist-info\/METADATA$/

/**
 * The METADATA of a stored wheel, so that nobody has to be asked for what is here already; undefined for what is no
 * ordinary wheel, or when its digest is not `expected` (an upstream may list a sidecar that differs from the wheel's own).
 */
export async function metadataInside(wheel: Blob, expected: string | null): Promise<Buffer | undefined> {
  const source: ByteSource = {
    size: wheel.size,
    read: (offset, length) => collect(wheel.stream({ start: offset, end: Math.min(offset + length, wheel.size) })),
  }
  try {
    const [entry, ...others] = (await readZipDirectory(source)).filter(({ name }) => METADATA.test(name))
    if (entry === undefined || others.length > 0) return undefined
    const bytes = Buffer.from(await readZipEntry(source, entry, MAX_SIDECAR_SIZE))
    const same = expected === null || createHash('sha256').update(bytes).digest('hex') === expected
    return same ? bytes : undefined
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}
