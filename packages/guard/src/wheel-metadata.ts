import { hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { PackagingError, readZipDirectory, readZipEntry } from '@waxseal/packaging'
import type { ByteSource } from '@waxseal/packaging'
import { MAX_SIDECAR_BYTES } from './limits.ts'

const METADATA = /^[^/]+\.dist-info\/METADATA$/

/** As `readZipDirectory` names them (attacks.md ZIP-DD). */
const OLD = /data descriptor/

/**
 * Whether a wheel holds the metadata that its page promised, whose sha256 this is (attacks.md EXD-1, EXD-2). `old`: old tools wrote
 * data descriptors, which our reader does not follow; the wheel itself is verified. Anything else that cannot be read is not what
 * was promised.
 */
export async function compareWheelMetadata(
  handle: FileHandle,
  size: number,
  promised: string,
): Promise<'same' | 'differs' | 'old'> {
  const source = fileSource(handle, size)
  try {
    const found = (await readZipDirectory(source)).filter(({ name }) => METADATA.test(name))
    const [entry] = found
    if (entry === undefined || found.length > 1) return 'differs'
    return hash('sha256', await readZipEntry(source, entry, MAX_SIDECAR_BYTES)) === promised ? 'same' : 'differs'
  } catch (error) {
    if (error instanceof PackagingError) return OLD.test(error.message) ? 'old' : 'differs'
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
