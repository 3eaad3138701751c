import { createServer } from 'node:http'
import type { Server } from 'node:http'
import {
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  SHUTDOWN_GRACE_MS,
  SHUTDOWN_IDLE_INTERVAL_MS,
} from '../limits.ts'
import { foldReason } from './reason-phrase.ts'
import type { Handler } from './handler.ts'

/** A server that takes requests. Disposing of it finishes those under way, within bounds. */
export interface Listening extends AsyncDisposable {
  /** `http://host:port`, without a final slash. */
  readonly url: string
}

/** Listens on `host` and `port` (0: any free one). Rejects with the system's error when it cannot. */
export async function listenOn(handler: Handler, host: string, port: number): Promise<Listening> {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
    handler,
  )
  server.headersTimeout = HEADERS_TIMEOUT_MS
  // Uploads may take as long as they need; a floor on their throughput stands in for a cap (attacks.md SR-2).
  server.requestTimeout = 0
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const [status, text] = statusOf(error.code)
    socket.end(`HTTP/1.1 ${status} ${foldReason(text)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: host === '' ? undefined : host, port }, resolve)
  await promise
  return { url: urlOf(server, host), [Symbol.asyncDispose]: () => close(server) }
}

function statusOf(code: string | undefined): readonly [number, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `The headers are longer than ${MAX_HEADER_BYTES} bytes`]
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request took too long to arrive']
    default:
      return [400, 'This is not an HTTP request']
  }
}

function urlOf(server: Server, host: string): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return `http://${host}`
  const shown = host === '' || host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeIdleConnections()
  // A connection whose last request was still under way is idle only later, and its client would keep it.
  const idle = setInterval(() => server.closeIdleConnections(), SHUTDOWN_IDLE_INTERVAL_MS)
  const forced = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE_MS)
  try {
    await promise
  } finally {
    clearTimeout(forced)
    clearInterval(idle)
  }
}
