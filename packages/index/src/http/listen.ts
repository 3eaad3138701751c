import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv4 } from 'node:net'
import type { Socket } from 'node:net'
import {
  CONNECTIONS_INTERVAL_MS,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CLIENT_CONNECTIONS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  MAX_HEADERS,
  RESERVED_DESCRIPTORS,
  SHUTDOWN_GRACE_MS,
  TLS_HANDSHAKE_MS,
} from '../limits.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { Connections } from './connections.ts'
import type { Handler } from './handler.ts'
import { refuseRead } from './refuse.ts'
import type { ServerCertificate } from './server-certificate.ts'

/** Where to listen: a name or an address of this machine (empty: all of them), and a port (0: any free one). */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface ListenOptions {
  /** Serves HTTPS with it, and with whatever takes its place. */
  readonly certificate?: ServerCertificate
  /** Addresses that may hold any number of connections: the trusted proxies. */
  readonly exempt?: (address: string) => boolean
  /** How long requests under way get when the server stops, in milliseconds. */
  readonly graceMs?: number
}

/** A server that takes requests. Disposing of it finishes those under way, within bounds. */
export interface Listening extends AsyncDisposable {
  /** `http://host:port` or `https://…`, without a final slash: of the first address. */
  readonly url: string
  /** The same of each address, in their order. */
  readonly urls: readonly string[]
}

/** Listens on one address with everything at its default. */
export async function listenOn(handler: Handler, host: string, port: number): Promise<Listening> {
  return listenOnAll(handler, [{ host, port }])
}

/** Listens on every address, or on none: then it rejects with the system's error, which has `address` and `port`. */
export async function listenOnAll(
  handler: Handler,
  addresses: readonly ListenAddress[],
  options: ListenOptions = {},
): Promise<Listening> {
  const connections = new Connections({
    total: MAX_CONNECTIONS,
    perClient: MAX_CLIENT_CONNECTIONS,
    descriptors: Math.max(RESERVED_DESCRIPTORS, openFilesLimit() - RESERVED_DESCRIPTORS),
    exempt: options.exempt ?? (() => false),
  })
  const guarded = (req: IncomingMessage, res: ServerResponse): void => {
    const begun = connections.begin(req, res)
    if (begun === 'cut') return
    if (begun === 'no-room') {
      res.setHeader('Connection', 'close')
      return refuseRead(res, req, { code: 'too-busy', retryAfter: 5 })
    }
    if (req.rawHeaders.length > 2 * MAX_HEADERS) return refuseRead(res, req, { code: 'too-many-headers' })
    handler(req, res)
  }
  await using opened = new AsyncDisposableStack()
  const sweep = setInterval(() => connections.endStalled(performance.now()), CONNECTIONS_INTERVAL_MS)
  opened.defer(() => clearInterval(sweep))
  const servers: Server[] = []
  opened.defer(() => close(servers, connections, options.graceMs ?? SHUTDOWN_GRACE_MS))
  const urls: string[] = []
  for (const address of addresses) {
    const server = createOne(guarded, options.certificate, connections)
    await listen(server, address, addresses)
    servers.push(server)
    urls.push(urlOf(server, address.host, options.certificate === undefined ? 'http' : 'https'))
  }
  const kept = opened.move()
  return { url: urls[0] ?? '', urls, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function createOne(handler: Handler, certificate: ServerCertificate | undefined, connections: Connections): Server {
  const settings: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTIONS_INTERVAL_MS,
    // Uploads may take as long as they need; a floor on their throughput stands in for a cap (attacks.md SR-2).
    requestTimeout: 0,
    noDelay: true,
  }
  const server = certificate === undefined ? createServer(settings, handler) : secured(settings, handler, certificate)
  // Node drops what is beyond this without a word: one more than is allowed, so that it is seen.
  server.maxHeadersCount = 2 * MAX_HEADERS
  server.on('connection', (socket: Socket) => connections.admit(socket))
  server.on('secureConnection', (socket: Socket) => connections.secured(socket))
  server.on('clientError', answerBrokenRequest)
  return server
}

/** HTTP/1.1 only: HTTP/2 has no reason phrase, which is what most clients show of a refusal (behaviour.md section 0). */
function secured(settings: ServerOptions, handler: Handler, certificate: ServerCertificate): Server {
  const { cert, key } = certificate.pair
  const tls = { minVersion: 'TLSv1.2' as const, ALPNProtocols: ['http/1.1'], handshakeTimeout: TLS_HANDSHAKE_MS }
  const server = createTlsServer({ ...settings, ...tls, cert, key }, handler)
  // Connections keep the certificate they were made with.
  certificate.onChange((pair) => server.setSecureContext({ ...tls, cert: pair.cert, key: pair.key }))
  return server
}

async function listen(server: Server, { host, port }: ListenAddress, all: readonly ListenAddress[]): Promise<void> {
  // "::" takes IPv4 too, unless IPv4 has an address of its own on this port.
  const ipv6Only = port !== 0 && all.some((other) => other.port === port && isIPv4(other.host))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: host === '' ? undefined : host, port, ipv6Only }, resolve)
  await promise
}

function urlOf(server: Server, host: string, scheme: 'http' | 'https'): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return `${scheme}://${host}`
  const shown = host === '' || host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`
}

async function close(servers: readonly Server[], connections: Connections, graceMs: number): Promise<void> {
  const closed = servers.map((server) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    return promise
  })
  connections.close()
  const forced = setTimeout(() => connections.cut(), graceMs)
  try {
    await Promise.all(closed)
  } finally {
    clearTimeout(forced)
  }
}

/** Node raises its own limit as far as the system lets it; where that cannot be read, it is not the limit. */
function openFilesLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
