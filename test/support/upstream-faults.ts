import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

/** What the simulator answers when nothing goes wrong. */
export interface PlannedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * One way to misbehave. `afterBytes` counts bytes of the body that are sent properly first.
 * - `status`: that status, with `headers` and `body`
 * - `garbage`: 200, the right content type, random bytes
 * - `html-error`: 200, text/html, a portal's error page
 * - `content-type`: the right body under another content type
 * - `truncate`: an honest Content-Length, then the connection is cut
 * - `stall`: silence for ever
 * - `drip`: one byte every `everyMs`
 * - `change-bytes`: the same length with one byte flipped (the last, unless `at` says which)
 * - `lying-length`: a body `by` bytes longer (or shorter) than the real one, with a Content-Length to match
 * - `redirect`: to `to`, with `status` 302 unless told
 * - `redirect-loop`: to itself
 * - `endless`: chunks without end
 * - `gzip-bomb`: `bytes` zeros as a gzip body
 * - `close`: the connection is cut before any header
 * - `hang`: nothing is ever answered
 * - `delay`: the right answer, `ms` late
 * - `hold`: the right answer once `until` is resolved; `afterBytes` of it before
 */
export type Fault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'html-error' }
  | { readonly kind: 'content-type'; readonly contentType: string }
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'drip'; readonly everyMs: number; readonly afterBytes?: number }
  | { readonly kind: 'change-bytes'; readonly at?: number }
  | { readonly kind: 'lying-length'; readonly by: number }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  | { readonly kind: 'redirect-loop' }
  | { readonly kind: 'endless' }
  | { readonly kind: 'gzip-bomb'; readonly bytes: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'hold'; readonly until: Promise<unknown>; readonly afterBytes?: number }

/** Answers as planned, or wrongly as `fault` says. */
export function sendWithFault(path: string, answer: PlannedAnswer, fault: Fault | undefined, to: ServerResponse): void {
  if (fault === undefined) return send(to, answer)
  switch (fault.kind) {
    case 'status':
      return send(to, { status: fault.status, headers: fault.headers ?? {}, body: Buffer.from(fault.body ?? '') })
    case 'garbage':
      return send(to, { ...answer, status: 200, body: Buffer.from('\x00\xff{"garbage": [<a href=') })
    case 'html-error': {
      const body = Buffer.from('<!doctype html><title>Sign in</title><a href="/login">Please sign in</a>')
      return send(to, { status: 200, headers: { 'content-type': 'text/html' }, body })
    }
    case 'content-type':
      return send(to, { ...answer, headers: { ...answer.headers, 'content-type': fault.contentType } })
    case 'change-bytes': {
      const body = Buffer.from(answer.body)
      const at = fault.at ?? body.length - 1
      body.writeUInt8(body.readUInt8(at) ^ 1, at)
      return send(to, { ...answer, body })
    }
    case 'lying-length': {
      const body = Buffer.alloc(answer.body.length + fault.by)
      answer.body.copy(body)
      return send(to, { ...answer, body })
    }
    case 'redirect':
      return send(to, { status: fault.status ?? 302, headers: { location: fault.to }, body: Buffer.alloc(0) })
    case 'redirect-loop':
      return send(to, { status: 302, headers: { location: path }, body: Buffer.alloc(0) })
    case 'gzip-bomb': {
      const body = gzipSync(Buffer.alloc(fault.bytes))
      return send(to, { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body })
    }
    case 'close':
      to.destroy()
      return
    case 'hang':
      return
    case 'delay':
      later(to, fault.ms, () => send(to, answer))
      return
    case 'hold': {
      const first = fault.afterBytes === undefined ? undefined : start(to, answer, fault.afterBytes)
      void fault.until.then(() => {
        if (first === undefined) send(to, answer)
        else to.end(first)
      })
      return
    }
    case 'truncate':
      start(to, answer, fault.afterBytes, () => to.destroy())
      return
    case 'stall':
      start(to, answer, fault.afterBytes)
      return
    case 'drip':
      drip(to, start(to, answer, fault.afterBytes ?? 0), fault.everyMs)
      return
    case 'endless':
      endless(to, answer)
      return
    default:
      fault satisfies never
  }
}

function send(to: ServerResponse, answer: PlannedAnswer): void {
  to.writeHead(answer.status, { 'content-length': answer.body.length, ...answer.headers })
  to.end(answer.body)
}

/** Sends the headers and the first bytes of the body; answers the rest. */
function start(to: ServerResponse, answer: PlannedAnswer, bytes: number, then: () => void = () => {}): Buffer {
  to.writeHead(answer.status, { 'content-length': answer.body.length, ...answer.headers })
  to.flushHeaders()
  if (bytes > 0) to.write(answer.body.subarray(0, bytes), then)
  else then()
  return answer.body.subarray(bytes)
}

function drip(to: ServerResponse, rest: Buffer, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => {
    if (at < rest.length) to.write(rest.subarray(at, (at += 1)))
    else to.end()
  }, everyMs)
  to.once('close', () => clearInterval(timer))
}

function endless(to: ServerResponse, answer: PlannedAnswer): void {
  const { 'content-encoding': _, ...headers } = answer.headers
  to.writeHead(200, headers)
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const more = (): void => {
    while (!to.destroyed && to.write(chunk));
  }
  to.on('drain', more)
  more()
}

function later(to: ServerResponse, ms: number, action: () => void): void {
  const timer = setTimeout(action, ms)
  to.once('close', () => clearTimeout(timer))
}
