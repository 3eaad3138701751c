import { randomBytes } from 'node:crypto'
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import { planChild, type ChildPlan, type GuardEndpoint } from '@waxseal/guard'
import type { Client, Outcome } from '../support/clients.ts'

/** A guard's port without its verification: what it is asked for below its secret path it passes on, everything else it refuses. */
export type StandIn = {
  readonly endpoint: GuardEndpoint
  /** `GET /simple/alpha-dep/`, in their order. */
  readonly asked: readonly string[]
  /** What a child asked of anybody else. */
  readonly refused: readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}

export const startStandIn = async (origin: string): Promise<StandIn> => {
  const secret = randomBytes(16).toString('hex')
  const asked: string[] = []
  const refused: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    if (url.hostname !== '127.0.0.1' || !url.pathname.startsWith(`/${secret}/`) || url.port !== String(port)) {
      refused.push(`${request.method} ${url.href}`)
      response.writeHead(403, 'outside of the guard').end()
      return
    }
    const path = url.pathname.slice(secret.length + 1)
    asked.push(`${request.method} ${path}`)
    passOn(new URL(`${origin}${path}`), request, response)
  })
  server.on('connect', (request, socket) => {
    refused.push(`CONNECT ${request.url}`)
    socket.end('HTTP/1.1 403 outside of the guard\r\n\r\n')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const proxyUrl = `http://127.0.0.1:${port}`
  return {
    endpoint: { url: `${proxyUrl}/${secret}`, proxyUrl, origin },
    asked,
    refused,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

const passOn = (url: URL, request: IncomingMessage, response: ServerResponse): void => {
  const { host: _host, connection: _connection, 'proxy-connection': _proxy, ...headers } = request.headers
  const further = send(url, { method: request.method ?? 'GET', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
    answer.pipe(response)
  })
  further.once('error', () => response.destroy())
  request.pipe(further)
}

export type Guarded = Outcome & { readonly plan: ChildPlan; readonly mapped: readonly string[] }

/** Runs a client as `waxseal run -- CLIENT ARGS` does: planned, started in the plan's environment, and finished. */
export const runGuarded = async (
  client: Client,
  { endpoint }: StandIn,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Guarded> => {
  const head = client.name === 'pip' ? [client.python, '-m', 'pip'] : [client.name]
  const plan = await planChild({ command: [...head, ...args], env: options.env ?? {}, cwd: options.cwd, endpoint })
  const outcome = await client.run(plan.command.slice(head.length), { cwd: options.cwd, env: plan.env })
  const mapped = await plan.finish(outcome.code)
  return { ...outcome, stdout: plan.rewriteOutput ? plan.mapText(outcome.stdout) : outcome.stdout, plan, mapped }
}
