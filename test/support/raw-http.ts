import type { Agent, IncomingHttpHeaders } from 'node:http'
import { request } from 'node:http'

/** An answer as it came, whole or not. */
export interface Reply {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False: the connection was cut before the end that its framing announced. */
  readonly complete: boolean
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** Told of each piece of the body; the next one waits until it resolves. */
  readonly onData?: (received: number) => void | Promise<void>
  /** Drop the bytes once counted; `body` is then empty. */
  readonly discard?: boolean
  /** Whose connections to use, instead of one of its own. */
  readonly agent?: Agent
}

/** What a client sees that was cut off before any header. */
export const NO_ANSWER: Reply = { status: 0, reason: '', headers: {}, body: Buffer.alloc(0), complete: false }

/** One request, on a connection of its own unless told; `url` is sent as it is, unnormalised. Never rejects: no answer is `NO_ANSWER`. */
export async function ask(url: string, options: AskOptions = {}): Promise<Reply> {
  const { host, hostname, port } = new URL(url)
  const path = url.slice(url.indexOf(host) + host.length) || '/'
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const { method = 'GET', body } = options
  // Node sends the body of a DELETE without any framing unless it is told.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const headers = { ...length, ...options.headers }
  const asked = request({ hostname, port, path, method, headers, agent: options.agent ?? false }, (response) => {
    void (async () => {
      const pieces: Buffer[] = []
      let received = 0
      try {
        for await (const piece of response as AsyncIterable<Buffer>) {
          received += piece.length
          if (options.discard !== true) pieces.push(piece)
          await options.onData?.(received)
        }
      } catch {
        // Cut off: `complete` says so.
      }
      resolve({
        status: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        headers: response.headers,
        body: Buffer.concat(pieces),
        complete: response.complete,
      })
    })()
  })
  asked.on('error', () => resolve(NO_ANSWER))
  asked.end(body)
  return promise
}
