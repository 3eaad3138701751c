import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A mirror of an index that stops in the middle of one answer. */
export interface Trickle extends AsyncDisposable {
  readonly url: string
  /** Once half of it was sent. */
  readonly halfWay: Promise<void>
  /** Sends the rest, and from now on all. */
  release(): void
}

/** Starts one in front of the index at `origin`, for what is at `path`. */
export async function startTrickle(origin: string, path: string): Promise<Trickle> {
  const { promise: halfWay, resolve } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let isReleased = false
  const server = createServer((req, res) => {
    const honest = request(`${origin}${req.url ?? '/'}`, {
      method: req.method,
      headers: { ...req.headers, host: new URL(origin).host },
    })
    honest.on('error', () => res.destroy())
    honest.on('response', (answer: IncomingMessage) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      if (isReleased || req.url !== path) return void answer.pipe(res)
      const half = Number(answer.headers['content-length']) / 2
      let sent = 0
      const rest: Buffer[] = []
      answer.on('data', (piece: Buffer) => {
        const now = Math.min(piece.length, Math.max(0, Math.ceil(half) - sent))
        res.write(piece.subarray(0, now))
        rest.push(piece.subarray(now))
        sent += piece.length
        if (sent >= half) resolve()
      })
      answer.on('end', () => void released.then(() => res.end(Buffer.concat(rest))))
    })
    honest.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    halfWay,
    release() {
      isReleased = true
      release()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
