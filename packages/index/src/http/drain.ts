import type { IncomingMessage } from 'node:http'
import { DRAIN_MAX_BYTES, DRAIN_MAX_MS } from '../limits.ts'

export interface DrainLimits {
  readonly maxBytes?: number
  readonly maxMs?: number
}

/**
 * Reads and discards what is left of a request that has been answered already, so that a client which sends everything
 * before it reads sees the answer: closing with unread bytes resets the connection and takes the answer with it
 * (behaviour.md 7.3.9). Call it right after the refusal. Resolves with `true` when the request ended, so that the
 * connection can serve the next one; beyond a limit, or when the client goes away, with `false` and a closed connection.
 */
export async function drain(req: IncomingMessage, limits: DrainLimits = {}): Promise<boolean> {
  const { maxBytes = DRAIN_MAX_BYTES, maxMs = DRAIN_MAX_MS } = limits
  if (req.readableEnded) return true
  const { socket } = req
  return new Promise((resolve) => {
    const finish = (whole: boolean) => {
      clearTimeout(timer)
      req.off('data', count).off('end', ended)
      socket.off('close', closed)
      if (!whole) socket.destroy()
      resolve(whole)
    }
    let rest = maxBytes
    const count = (chunk: Buffer) => {
      rest -= chunk.length
      if (rest < 0) finish(false)
    }
    const ended = () => finish(true)
    const closed = () => finish(false)
    // What went wrong with a request that is refused anyway interests nobody.
    const ignore = () => {}
    const timer = setTimeout(closed, maxMs)
    req.on('error', ignore)
    // Whoever was parsing it may still hold it back: by a pipe, or half-way through a loop over its chunks.
    req.unpipe()
    req.removeAllListeners('readable')
    req.on('data', count).on('end', ended).resume()
    // The request itself no longer hears of it once its answer is out.
    socket.on('close', closed)
    if (socket.destroyed) closed()
  })
}
