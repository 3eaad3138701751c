import type { IncomingHttpHeaders } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { IndexError } from '../error.ts'
import type { FloorSettings } from './throughput-floor.ts'
import { ThroughputFloor } from './throughput-floor.ts'

/** What a body must keep to. `maxBytes` counts bytes as they come; `fail` ends the connection. */
export interface BodyLimits {
  readonly maxBytes: number
  readonly floor: FloorSettings
  readonly fail: (reason: IndexError) => void
}

/**
 * The bytes of `body` as long as it stays within its limits; else throws IndexError `upstream-failed` (attacks.md
 * ED-TGT, ED-SIMPLE, SR-1).
 */
export async function* limitBody(body: AsyncIterable<Uint8Array>, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  const floor = new ThroughputFloor(limits.floor)
  const tooSlow = () => limits.fail(new IndexError('upstream-failed', 'The upstream sends too slowly.'))
  const chunks = body[Symbol.asyncIterator]()
  let total = 0
  try {
    for (;;) {
      const began = performance.now()
      const timer = setTimeout(tooSlow, floor.leftMs + 1)
      const next = await chunks.next().finally(() => clearTimeout(timer))
      if (next.done === true) return
      total += next.value.byteLength
      if (total > limits.maxBytes) throw tooLong(limits.maxBytes)
      if (!floor.record(next.value.byteLength, performance.now() - began)) {
        throw new IndexError('upstream-failed', 'The upstream sends too slowly.')
      }
      yield next.value
    }
  } finally {
    await chunks.return?.()
  }
}

/**
 * The body of a page, whole and decoded; never more than `maxBytes` are held, whatever a compressed body pretends to
 * be (attacks.md ED-DEC). Throws IndexError `upstream-failed`.
 */
export async function readDecoded(
  body: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  await eachDecoded(body, encoding, maxBytes, (piece) => void pieces.push(piece))
  return Buffer.concat(pieces)
}

/** As `readDecoded`, a piece at a time: holds no more of it than `take` keeps. Throws also what `take` throws. */
export async function eachDecoded(
  body: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  maxBytes: number,
  take: (piece: Uint8Array) => void,
): Promise<void> {
  const coding = (encoding ?? 'identity').trim().toLowerCase()
  const takeAll = async (plain: AsyncIterable<Uint8Array>): Promise<void> => {
    let total = 0
    for await (const piece of plain) {
      total += piece.byteLength
      if (total > maxBytes) throw tooLong(maxBytes)
      take(piece)
    }
  }
  if (coding === 'identity' || coding === '') return await takeAll(body)
  if (coding !== 'gzip' && coding !== 'x-gzip') {
    throw new IndexError('upstream-failed', 'The upstream answered in an encoding that was not asked for.')
  }
  await pipeline(body, createGunzip(), takeAll)
}

/** The declared length of a body, when there is a plain one. */
export function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['content-length']
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined
}

/** The refusal of a body, or of a declared length, beyond its cap. */
export function tooLong(maxBytes: number): IndexError {
  return new IndexError('upstream-failed', `The upstream sends more than ${maxBytes} bytes.`)
}
