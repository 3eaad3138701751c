import type { FileHandle } from 'node:fs/promises'
import { PackagingError, readZipDirectory, readZipEntry } from '@waxseal/packaging'
import type { ByteSource } from '@waxseal/packaging'
import { MAX_SIDECAR_BYTES } from './limits.ts'

const METADATA = /^[^/]+\.dist-info\/METADATA$/

/** As `readZipDirectory` names them (attacks.md ZIP-DD). */
const OLD = /data descriptor/

/**
 * The metadata of a wheel. `old`: old tools wrote data descriptors, which our reader does not follow; the wheel itself is verified.
 * Undefined: there is none, or more than one, or the archive cannot be read.
 */
export async function readWheelMetadata(handle: FileHandle, size: number): Promise<Uint8Array | 'old' | undefined> {
  const source = fileSource(handle, size)
  try {
    const found = (await readZipDirectory(source)).filter(({ name }) => METADATA.test(name))
    const [entry] = found
    if (entry === undefined || found.length > 1) return undefined
    return await readZipEntry(source, entry, MAX_SIDECAR_BYTES)
  } catch (error) {
    if (error instanceof PackagingError) return OLD.test(error.message) ? 'old' : undefined
    throw error
  }
}

function fileSource(handle: FileHandle, size: number): ByteSource {
  return {
    size,
    async read(offset, length, into = Buffer.alloc(length)) {
      const wanted = Math.min(length, Math.max(0, size - offset))
      let at = 0
      while (at < wanted) {
        const { bytesRead } = await handle.read(into, at, wanted - at, offset + at)
        if (bytesRead === 0) break
        at += bytesRead
      }
      return into.subarray(0, at)
    },
  }
}
