import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { writeAll } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { LINE_FILE_BATCH, LINE_FILE_MAX_LINE } from '../limits.ts'

/** What was written: the file's digest and size, and its lines. */
export interface WrittenLines {
  readonly sha256: string
  readonly size: number
  readonly lines: number
}

/** Writes values as lines of JSON, compressed with Zstandard, to the new file `path`, durably but for its folder. */
export async function writeLines(path: string, values: AsyncIterable<unknown>): Promise<WrittenLines> {
  const hash = createHash('sha256')
  let size = 0
  let lines = 0
  async function* text(): AsyncGenerator<Buffer> {
    let batch = ''
    for await (const value of values) {
      batch += `${JSON.stringify(value)}\n`
      lines += 1
      if (batch.length < LINE_FILE_BATCH) continue
      yield Buffer.from(batch)
      batch = ''
    }
    if (batch !== '') yield Buffer.from(batch)
  }
  const handle = await open(path, 'wx', 0o600)
  try {
    await pipeline(text, createZstdCompress(), async (compressed: AsyncIterable<Buffer>) => {
      for await (const chunk of compressed) {
        hash.update(chunk)
        size += chunk.length
        await writeAll(handle, chunk)
      }
    })
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { sha256: hash.digest('hex'), size, lines }
}

/**
 * The values that `writeLines` wrote.
 *
 * @throws IndexError `backup-damaged` when the bytes are not such lines
 */
export async function* readLines(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const text = createZstdDecompress()
  // Its failure destroys `text` and comes out of the loop; whoever leaves the loop early needs to hear of none.
  pipeline(Readable.from(compressed), text).catch(() => undefined)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LINE_FILE_MAX_LINE) throw new IndexError('backup-damaged', 'A line of the backup never ends.')
      for (const line of lines) yield JSON.parse(line)
    }
  } catch (error) {
    throw isNotOurs(error) ? new IndexError('backup-damaged', 'The rows cannot be unpacked.', { cause: error }) : error
  }
  if (rest !== '') throw new IndexError('backup-damaged', 'The rows end in the middle of a line.')
}

const DECODING_ERRORS = /^(?:ZSTD_|Z_|ERR_ENCODING_INVALID_ENCODED_DATA$)/

function isNotOurs(error: unknown): boolean {
  if (error instanceof SyntaxError) return true
  return error instanceof Error && 'code' in error && DECODING_ERRORS.test(String(error.code))
}
