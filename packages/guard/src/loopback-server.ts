import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { GuardEndpoint } from './endpoint.ts'
import { GuardError } from './error.ts'
import { MAX_REQUEST_TARGET } from './limits.ts'
import { isOtherUsers } from './peer-user.ts'
import { serveRequest } from './loopback-routes.ts'
import type { Guard } from './open-guard.ts'
import { refuse } from './refuse.ts'
import type { RunReport } from './run-report.ts'

export interface LoopbackOptions {
  /** 0 takes a free one. */
  readonly port?: number
  /** What the path begins with, or the password of Basic credentials is; by default one that nobody has seen. */
  readonly secret?: string
  /** Whether a program may say the secret as a password instead (for a service, whose URL stands in files that are shared). */
  readonly password?: boolean
}

/** A guard that programs on this machine can reach. */
export interface Loopback extends AsyncDisposable {
  readonly endpoint: GuardEndpoint
  readonly port: number
}

const SECRET_BYTES = 24

/**
 * Lets programs of this user reach the guard, those that know its secret (attacks.md CLI-3): on the loopback address, under a path
 * that nobody can guess. The same port is the proxy that they are given for everything: it answers for itself and refuses all
 * else, so that a bypass fails, loudly. What is asked before the guard is open waits for it.
 * @param origin base URL of the index that it verifies, without a slash at the end
 * @throws GuardError `port-taken`
 */
export async function openLoopback(
  opening: Guard | Promise<Guard>,
  origin: string,
  options: LoopbackOptions = {},
): Promise<Loopback> {
  const opened = Promise.resolve(opening)
  // Whoever opens it tells why it could not be.
  const tell = (what: (report: RunReport) => void): void =>
    void opened.then(
      ({ report }) => what(report),
      () => undefined,
    )
  const secret = options.secret ?? randomBytes(SECRET_BYTES).toString('base64url')
  const server = createServer({ keepAlive: true, maxHeaderSize: 32 * 1024 }, (req, res) => {
    void answer(req, res)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    if (isOtherUsers(socket) === true) {
      tell((report) => report.note('Another user of this machine tried to reach this guard, and was refused.'))
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    const place = (req.url ?? '').slice(0, 200)
    tell((report) => report.outside(place))
    socket.on('error', () => undefined)
    socket.end(
      `HTTP/1.1 403 waxseal: ${asciiOf(place)} is not reached from here; only the trusted index is\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    )
  })
  // A program that breaks off in the middle is its own business.
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(options.port ?? 0, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    const why =
      code === 'EADDRINUSE'
        ? 'is taken by another program'
        : code === 'EACCES'
          ? 'is not for this user'
          : `cannot be had (${code})`
    throw new GuardError('port-taken', `Port ${options.port} of this machine ${why}: choose another with --port.`, {
      cause,
    })
  }
  const { port } = server.address() as AddressInfo
  const proxyUrl = `http://127.0.0.1:${port}`

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const target = ownTarget(req.url ?? '', proxyUrl)
    if (target === undefined) {
      const place = URL.parse(req.url ?? '')?.origin ?? 'another place'
      tell((report) => report.outside(place))
      return refuse(
        req,
        res,
        403,
        new GuardError('outside-refused', `${place} is not reached from here; only the trusted index is.`),
      )
    }
    const path = within(target, secret) ?? (options.password === true && hasPassword(req, secret) ? target : undefined)
    if (path === undefined) {
      // Who has the password but did not send it is asked for it; the path alone says nothing.
      if (options.password === true) res.setHeader('WWW-Authenticate', 'Basic realm="waxseal guard"')
      const status = options.password === true ? 401 : 404
      return refuse(req, res, status, new GuardError('not-offered', 'There is nothing here.'))
    }
    await serveRequest(opened, req, res, path)
  }

  return {
    port,
    endpoint: { url: `${proxyUrl}/${secret}`, proxyUrl, origin },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      if (server.listening) await once(server, 'close')
    },
  }
}

/** The path that is asked for; programs that take the guard for their proxy send the whole URL (RFC 9112 section 3.2.2). */
function ownTarget(target: string, own: string): string | undefined {
  if (target.length > MAX_REQUEST_TARGET) return undefined
  if (target.startsWith('/')) return target
  return target.startsWith(`${own}/`) ? target.slice(own.length) : undefined
}

function within(target: string, secret: string): string | undefined {
  const end = target.indexOf('/', 1)
  if (end === -1) return undefined
  return isSecret(target.slice(1, end), secret) ? target.slice(end) : undefined
}

function hasPassword(req: IncomingMessage, secret: string): boolean {
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=]{1,4096})$/i.exec(req.headers.authorization ?? '') ?? []
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  return isSecret(text.slice(text.indexOf(':') + 1), secret)
}

function isSecret(said: string, secret: string): boolean {
  const [a, b] = [Buffer.from(said), Buffer.from(secret)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function asciiOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}
