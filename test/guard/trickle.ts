import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A mirror of an index that stops in the middle of one file. */
export interface Trickle extends AsyncDisposable {
  readonly url: string
  /** Once half of the file was sent. */
  readonly halfWay: Promise<void>
  /** From now on it sends all. */
  release(): void
}

/** Starts one in front of the index at `origin`, for the file at `path`. */
export async function startTrickle(origin: string, path: string): Promise<Trickle> {
  const { promise: halfWay, resolve } = Promise.withResolvers<void>()
  let released = false
  const server = createServer((req, res) => {
    const honest = request(`${origin}${req.url ?? '/'}`, {
      method: req.method,
      headers: { ...req.headers, host: new URL(origin).host },
    })
    honest.on('error', () => res.destroy())
    honest.on('response', (answer: IncomingMessage) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      if (released || req.url !== path) return void answer.pipe(res)
      const half = Number(answer.headers['content-length']) / 2
      let sent = 0
      answer.on('data', (piece: Buffer) => {
        if (sent < half) res.write(piece)
        sent += piece.length
        if (sent >= half) resolve()
      })
    })
    honest.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    halfWay,
    release: () => (released = true),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
