import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv4 } from 'node:net'
import type { Socket } from 'node:net'
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_HEADER_BYTES, MAX_HEADERS, SHUTDOWN_GRACE_MS } from '../limits.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { connectionLimits } from './connection-limits.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { UNWATCHED } from './connection-watch.ts'
import type { ConnectionWatch } from './connection-watch.ts'
import { Connections } from './connections.ts'
import type { Handler } from './handler.ts'
import { refuseRead } from './refuse.ts'
import type { Refusal } from './refuse.ts'
import type { ServerCertificate } from './server-certificate.ts'

/** Where to listen: a name or an address of this machine (empty: all of them), and a port (0: any free one). */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface ListenOptions {
  /** Serves HTTPS with it, and with whatever takes its place. */
  readonly certificate?: ServerCertificate
  /** Who is exempt; and, in tests, limits that are easier to come to. */
  readonly limits?: Partial<ConnectionLimits>
  readonly watch?: ConnectionWatch
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
  const limits = { ...connectionLimits(), ...options.limits }
  const watch = options.watch ?? UNWATCHED
  const connections = new Connections(limits, watch)
  watch.opened(connections)
  const guarded = (req: IncomingMessage, res: ServerResponse): void => {
    const begun = connections.begin(req, res)
    if (begun === 'cut') return
    const refusal = begun === 'no-room' ? TOO_BUSY : refusalOf(req)
    if (refusal === undefined) return handler(req, res)
    watch.refusing(req, res)
    if (refusal !== TOO_MANY_HEADERS) res.setHeader('Connection', 'close')
    refuseRead(res, req, refusal)
  }
  await using opened = new AsyncDisposableStack()
  const sweep = setInterval(() => connections.endStalled(performance.now()), limits.intervalMs)
  opened.defer(() => clearInterval(sweep))
  const servers: Server[] = []
  opened.defer(() => close(servers, connections, options.graceMs ?? SHUTDOWN_GRACE_MS))
  const urls: string[] = []
  for (const address of addresses) {
    const server = createOne(guarded, options.certificate, limits)
    server.on('connection', (socket: Socket) => connections.admit(socket))
    server.on('secureConnection', (socket: Socket) => connections.secured(socket))
    server.on('clientError', (error, socket) =>
      answerBrokenRequest(error, socket, { connections, watch, drain: limits.drain }),
    )
    await listen(server, address, addresses)
    servers.push(server)
    urls.push(urlOf(server, address.host, options.certificate === undefined ? 'http' : 'https'))
  }
  const kept = opened.move()
  return { url: urls[0] ?? '', urls, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

const TOO_BUSY: Refusal = { code: 'too-busy', retryAfter: 5 }
const TOO_MANY_HEADERS: Refusal = { code: 'too-many-headers' }
const NO_HOST: Refusal = { code: 'bad-request', detail: 'A request of HTTP/1.1 names its host (RFC 9112 section 3.2).' }

/** What Node would refuse without a word to anybody else. */
function refusalOf({ rawHeaders, headers, httpVersion }: IncomingMessage): Refusal | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return TOO_MANY_HEADERS
  return httpVersion === '1.1' && headers.host === undefined ? NO_HOST : undefined
}

function createOne(handler: Handler, certificate: ServerCertificate | undefined, limits: ConnectionLimits): Server {
  const settings: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: limits.intervalMs,
    // Uploads may take as long as they need; a floor on their throughput stands in for a cap (attacks.md SR-2).
    requestTimeout: 0,
    // Refused by us, where it is seen.
    requireHostHeader: false,
    noDelay: true,
  }
  const server =
    certificate === undefined ? createServer(settings, handler) : secured(settings, handler, certificate, limits)
  // Node drops what is beyond this without a word: one more than is allowed, so that it is seen.
  server.maxHeadersCount = 2 * MAX_HEADERS
  // Whoever expects what we do not know gets the answer without it, which RFC 9110 10.1.1 leaves to us.
  server.on('checkExpectation', handler)
  return server
}

/** HTTP/1.1 only: HTTP/2 has no reason phrase, which is what most clients show of a refusal (behaviour.md section 0). */
function secured(
  settings: ServerOptions,
  handler: Handler,
  certificate: ServerCertificate,
  { handshakeMs }: ConnectionLimits,
): Server {
  const { cert, key } = certificate.pair
  const tls = { minVersion: 'TLSv1.2' as const, ALPNProtocols: ['http/1.1'], handshakeTimeout: handshakeMs }
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
