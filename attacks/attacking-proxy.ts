import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ask } from '../test/support/raw-http.ts'
import { sendWithFault } from '../test/support/upstream-faults.ts'
import type { Fault, PlannedAnswer } from '../test/support/upstream-faults.ts'

/** What an attacker on the way does with an answer of the index: another answer, or a way to misbehave while sending it. */
export type Alter = (honest: PlannedAnswer, path: string) => PlannedAnswer & { readonly fault?: Fault }

interface Hook {
  readonly pattern: string | RegExp
  readonly alter?: Alter
  readonly fault?: Fault
}

/** Headers that belong to one connection, or to bytes that may be altered. */
const DROPPED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date'])

/**
 * A reverse proxy between a client and the index. As it starts it changes nothing; whoever controls it is a mirror, a CDN, a cache,
 * the network, or the index itself. Paths that are a pattern's string, or that its expression matches, are attacked; the latest wins.
 */
export class AttackingProxy implements AsyncDisposable {
  readonly url: string
  #upstream: string
  readonly #stop: () => Promise<void>
  readonly #hooks: Hook[] = []
  readonly #asked: string[] = []
  readonly #planted: Buffer[] = []
  readonly #open = new Set<ServerResponse>()
  readonly #last = new Map<string, Buffer>()
  #sent = 0

  private constructor(url: string, upstream: string, stop: () => Promise<void>) {
    this.url = url
    this.#upstream = upstream
    this.#stop = stop
  }

  static async start(upstream: string): Promise<AttackingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const proxy = new AttackingProxy(`http://127.0.0.1:${port}`, upstream, async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    })
    server.on('request', (request, response) => void proxy.answer(request, response))
    return proxy
  }

  /** Every path that was asked for, oldest first. */
  get asked(): readonly string[] {
    return this.#asked
  }

  /** Metadata that is served in the place of the index's own. */
  get planted(): readonly Buffer[] {
    return this.#planted
  }

  /** What was last answered at a path. */
  last(path: string): Buffer | undefined {
    return this.#last.get(path)
  }

  /** Bytes that were sent, those of answers that are still being sent included. */
  get sent(): number {
    return [...this.#open].reduce((sum, response) => sum + (response.socket?.bytesWritten ?? 0), this.#sent)
  }

  alter(pattern: string | RegExp, alter: Alter): void {
    this.#hooks.unshift({ pattern, alter })
  }

  /** Answers with these bytes, whatever the index says. */
  serve(pattern: string | RegExp, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): void {
    if (String(pattern).includes('/tuf/')) this.#planted.push(Buffer.from(body))
    this.alter(pattern, () => ({
      status: 200,
      headers: { 'content-type': 'application/octet-stream', ...headers },
      body: Buffer.from(body),
    }))
  }

  fail(pattern: string | RegExp, fault: Fault): void {
    this.#hooks.unshift({ pattern, fault })
  }

  /** Answers with what another index says. */
  turnTo(upstream: string): void {
    this.#upstream = upstream
  }

  /** Changes nothing from now on. */
  heal(): void {
    this.#hooks.length = 0
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/'
    this.#asked.push(path)
    request.resume()
    response.on('error', () => undefined)
    this.#open.add(response)
    response.once('close', () => {
      this.#sent += response.socket?.bytesWritten ?? 0
      this.#open.delete(response)
    })
    const hooks = this.#hooks.filter(({ pattern }) =>
      typeof pattern === 'string' ? pattern === path : pattern.test(path),
    )
    const alter = hooks.find((hook) => hook.alter !== undefined)?.alter
    const honest = await this.#honest(path, request)
    const { fault, ...answer } = {
      fault: hooks.find((hook) => hook.fault !== undefined)?.fault,
      ...(alter?.(honest, path) ?? honest),
    }
    this.#last.set(path, answer.body)
    // A connection for each answer: what its socket wrote is what this answer sent.
    sendWithFault(path, { ...answer, headers: { ...answer.headers, connection: 'close' } }, fault, response)
  }

  async #honest(path: string, request: IncomingMessage): Promise<PlannedAnswer> {
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(
        (entry): entry is [string, string] =>
          typeof entry[1] === 'string' && !['host', 'connection', 'accept-encoding'].includes(entry[0]),
      ),
    )
    const reply = await ask(`${this.#upstream}${path}`, { method: request.method ?? 'GET', headers })
    const kept = Object.entries(reply.headers).flatMap(([name, value]) =>
      DROPPED.has(name) || value === undefined ? [] : [[name, String(value)] as const],
    )
    return { status: reply.status, headers: Object.fromEntries(kept), body: reply.body }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}
