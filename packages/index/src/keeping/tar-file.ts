import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createTarDecoder, createTarPacker } from 'modern-tar'
import { isSystemError, writeAll } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'

/** A file on its way into or out of a tar archive. */
export interface TarMember {
  readonly name: string
  readonly size: number
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Writes `members`, one after the other, to the new tar file `path`, durably but for its folder.
 *
 * @throws IndexError `digest-mismatch` when a member has not the size that it was said to have
 */
export async function writeTarFile(path: string, at: Date, members: AsyncIterable<TarMember>): Promise<void> {
  const { readable, controller } = createTarPacker()
  async function pack(): Promise<void> {
    try {
      for await (const { name, size, bytes } of members) {
        const writer = controller.add({ name, size, mode: 0o600, mtime: at }).getWriter()
        for await (const chunk of bytes) await writer.write(chunk)
        await writer.close()
      }
      controller.finalize()
    } catch (error) {
      controller.error(error)
      throw error
    }
  }
  const handle = await open(path, 'wx', 0o600)
  try {
    const [packed, written] = await Promise.allSettled([
      pack(),
      (async () => {
        for await (const chunk of readable) await writeAll(handle, chunk)
        await handle.sync()
      })(),
    ])
    // The one's failure ends the other, which may then say less about it.
    if (written.status === 'rejected') throw written.reason
    if (packed.status === 'rejected') throw packed.reason
  } finally {
    await handle.close()
  }
}

/**
 * The files of the tar archive `path`, in order. The bytes of one can be read until the next is asked for.
 *
 * @throws IndexError `backup-damaged` when it is no tar archive, or ends early
 */
export async function* readTarFile(path: string): AsyncGenerator<TarMember, void, undefined> {
  const decoder = createTarDecoder({ strict: true })
  try {
    const entries = Readable.toWeb(createReadStream(path)).pipeThrough(decoder)
    for await (const { header, body } of entries) {
      const reader = body.getReader()
      yield { name: header.name, size: header.size, bytes: restOf(reader) }
      // Read, not cancelled: at that the decoder lets go of the member it is at, which may be a later one by then.
      while (!(await reader.read()).done);
    }
  } catch (error) {
    if (error instanceof IndexError || isSystemError(error)) throw error
    throw new IndexError('backup-damaged', `${path} is no complete tar file.`, { cause: error })
  }
}

/** Leaving it early leaves the rest to be read. */
async function* restOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}
