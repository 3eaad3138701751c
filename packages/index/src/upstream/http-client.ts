import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, errors } from 'undici'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { UPSTREAM_MAX_CIRCUITS, UPSTREAM_MAX_REDIRECTS } from '../limits.ts'
import type { CircuitPass } from './circuit.ts'
import { CircuitTable } from './circuit.ts'
import type { UpstreamConfig } from './config.ts'
import { authorizationOf } from './config.ts'
import type { ResolveHost } from './connect.ts'
import { checkBeforeProxy, openDispatcher } from './connect.ts'
import { declaredLength, limitBody, tooLong } from './http-body.ts'
import { configuredOrigins, mayFetch } from './origin-rules.ts'
import { readRetryAfter } from './retry-after.ts'
import { UNWATCHED } from './watch.ts'
import type { UpstreamOutcome, UpstreamWatch } from './watch.ts'

/** How one resource is asked for; times in milliseconds, `maxBytes` as they come on the wire. */
export interface RequestOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/** What was answered, whatever its status, after redirects; or why nothing was. Network trouble is never thrown. */
export type HttpOutcome = HttpAnswer | HttpFailure

export interface HttpAnswer {
  readonly kind: 'answer'
  readonly status: number
  /** Where the answer came from in the end. */
  readonly url: string
  /** Whether it came from the upstream's own origin, asked with its credentials, without a detour. */
  readonly fromOwnOrigin: boolean
  readonly headers: IncomingHttpHeaders
  /** The origin's wish, for 429 and 503. */
  readonly retryAfterMs?: number
  /** Bytes as sent; once only. Throws IndexError `upstream-failed` on truncation, silence, a drip or too many. */
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the connection unless the body was read to its end. */
  close(): void
  /** As `close`, but keeps the connection where little is left of the body: for what nobody wants to read. */
  discard(): void
}

export interface HttpFailure {
  readonly kind: 'failed'
  readonly reason: string
  readonly retryAfterMs?: number
  /** The code of what the network threw. */
  readonly code?: string
  /** True: the origin was not asked, its circuit being open. */
  readonly leftAlone?: boolean
}

const DISCARD_BYTES = 16 * 1024
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const BLAMED_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * The one way out to an upstream. Each hop is judged by itself: its origin by `origin-rules.ts`, its address by
 * `connect.ts`, its credentials (only ever to the upstream's own origin, attacks.md API-REDIR) and its circuit.
 */
export class HttpClient {
  readonly #config: UpstreamConfig
  readonly #clock: Clock
  readonly #ownOrigin: string
  readonly #configured: ReadonlySet<string>
  readonly #authorization: string | undefined
  readonly #resolve: ResolveHost
  #dispatcher: Promise<Dispatcher> | undefined
  readonly #circuits: CircuitTable
  readonly #watch: UpstreamWatch
  readonly #closing = new AbortController()

  constructor(config: UpstreamConfig, clock: Clock, resolve: ResolveHost, watch: UpstreamWatch = UNWATCHED) {
    this.#config = config
    this.#clock = clock
    this.#ownOrigin = new URL(config.url).origin
    this.#configured = configuredOrigins(config)
    this.#authorization = authorizationOf(config)
    this.#resolve = resolve
    this.#watch = watch
    this.#circuits = new CircuitTable(
      clock,
      { failures: config.circuitFailures, minOpenMs: config.circuitMinOpenMs, maxOpenMs: config.circuitMaxOpenMs },
      UPSTREAM_MAX_CIRCUITS,
      (origin) => ({ down: () => watch.down(origin), up: (downMs) => watch.up(origin, downMs) }),
    )
  }

  /** Asks for `url` and follows its redirects. */
  async request(url: string, options: RequestOptions): Promise<HttpOutcome> {
    const started = performance.now()
    const closing = this.#closing.signal
    const signal = options.signal === undefined ? closing : AbortSignal.any([options.signal, closing])
    const answer = await this.#follow(url, { ...options, signal })
    const reason = answer.kind === 'failed' ? answer.reason : undefined
    this.#watch.asked(outcomeOf(answer), performance.now() - started, reason)
    return answer
  }

  async #follow(url: string, options: RequestOptions): Promise<HttpOutcome> {
    const exchange = new Exchange(options)
    let at: string | undefined
    let next = url
    let detour = false
    for (let hop = 0; hop <= UPSTREAM_MAX_REDIRECTS; hop++) {
      const permission = mayFetch(this.#configured, next, at)
      if (!permission.allowed) return exchange.end(`The upstream's link may not be followed: ${permission.reason}.`)
      const target = permission.url
      detour ||= target.origin !== this.#ownOrigin
      const circuit = this.#circuits.of(target.origin).enter()
      if (circuit.open) {
        const failure = exchange.end(
          `${target.origin} failed too often and is left alone for a while.`,
          circuit.retryAfterMs,
        )
        return { ...failure, leftAlone: true }
      }
      let response
      try {
        if (this.#config.proxy !== undefined && !permission.configured) {
          await checkBeforeProxy(target.hostname, this.#resolve)
        }
        response = await this.#send(target, exchange).catch((error: unknown) => {
          if (!isStaleConnection(error) || exchange.signal.aborted) throw error
          return this.#send(target, exchange)
        })
      } catch (error) {
        exchange.blame(circuit.pass, error)
        const failure = exchange.end(describe(error, target.origin))
        const code = codeOf(error)
        return code === undefined ? failure : { ...failure, code }
      }
      const location = REDIRECTS.has(response.statusCode) ? response.headers.location : undefined
      if (location === undefined) return this.#answer(target, response, circuit.pass, exchange, !detour)
      circuit.pass.succeeded()
      await response.body.dump({ limit: DISCARD_BYTES, signal: exchange.signal }).catch(() => {})
      at = target.href
      next = Array.isArray(location) ? (location[0] ?? '') : location
    }
    return exchange.end(`The upstream redirects more than ${UPSTREAM_MAX_REDIRECTS} times.`)
  }

  /** Gives up what is under way, and whatever is asked for from now on: that is no failure of the upstream. */
  async close(): Promise<void> {
    this.#closing.abort(new IndexError('upstream-failed', 'This server is stopping.'))
    await (await this.#dispatcher)?.destroy()
  }

  async #send(target: URL, exchange: Exchange): Promise<Dispatcher.ResponseData> {
    const own = target.origin === this.#ownOrigin && this.#authorization !== undefined
    const timer = setTimeout(
      () => exchange.fail(new IndexError('upstream-failed', `${target.origin} did not answer in time.`)),
      this.#config.firstByteTimeoutMs,
    )
    try {
      exchange.signal.throwIfAborted()
      this.#dispatcher ??= openDispatcher(this.#config, this.#configured, this.#resolve)
      const dispatcher = await this.#dispatcher
      return await dispatcher.request({
        origin: target.origin,
        path: target.pathname + target.search,
        method: 'GET',
        headers: { ...exchange.options.headers, ...(own ? { authorization: this.#authorization } : {}) },
        signal: exchange.signal,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  #answer(
    target: URL,
    response: Dispatcher.ResponseData,
    pass: CircuitPass,
    exchange: Exchange,
    fromOwnOrigin: boolean,
  ): HttpOutcome {
    const { statusCode: status, headers } = response
    const stream = response.body.on('error', () => {})
    const { maxBytes } = exchange.options
    const length = declaredLength(headers)
    const wishes = status === 429 || status === 503
    const retryAfter = wishes ? readRetryAfter(single(headers['retry-after']), this.#clock.now()) : undefined
    const retryAfterMs = retryAfter === undefined ? undefined : Math.min(retryAfter, this.#config.circuitMaxOpenMs)
    if (BLAMED_STATUSES.has(status)) pass.failed(retryAfterMs)
    else pass.answered()
    if (length !== undefined && length > maxBytes && status === 200) {
      pass.succeeded()
      stream.destroy()
      return exchange.end(tooLong(maxBytes).message)
    }
    const limits = {
      maxBytes,
      floor: { minBytesPerSecond: this.#config.minBytesPerSecond, windowMs: this.#config.floorWindowMs },
      fail: (reason: IndexError) => exchange.fail(reason),
    }
    return {
      kind: 'answer',
      status,
      url: target.href,
      fromOwnOrigin,
      headers,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      body: readBody(limitBody(stream, limits), pass, exchange, target.origin),
      close: () => {
        pass.succeeded()
        exchange.finish()
        stream.destroy()
      },
      discard: () => {
        pass.succeeded()
        const dumped = response.body.dump({ limit: DISCARD_BYTES, signal: exchange.signal })
        dumped.catch(() => {}).finally(() => exchange.finish())
      },
    }
  }
}

function outcomeOf(answer: HttpOutcome): UpstreamOutcome {
  if (answer.kind === 'failed') return answer.leftAlone === true ? 'left-alone' : 'failed'
  const { status } = answer
  if (status === 304) return 'not-modified'
  if (status === 404 || status === 410) return 'absent'
  return status >= 200 && status < 300 ? 'ok' : 'refused'
}

async function* readBody(
  body: AsyncIterable<Uint8Array>,
  pass: CircuitPass,
  exchange: Exchange,
  origin: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
    pass.succeeded()
  } catch (error) {
    exchange.blame(pass, error)
    throw new IndexError('upstream-failed', describe(error, origin), { cause: error })
  } finally {
    pass.released()
    exchange.finish()
  }
}

/** One request with its redirects: the deadline over all of them, the caller's signal, and what ended it. */
class Exchange {
  readonly options: RequestOptions
  readonly #controller = new AbortController()
  readonly #deadline: NodeJS.Timeout
  readonly #giveUp: () => void

  constructor(options: RequestOptions) {
    this.options = options
    const late = () => this.fail(new IndexError('upstream-failed', 'The upstream did not finish in time.'))
    this.#deadline = setTimeout(late, options.deadlineMs)
    this.#giveUp = () => this.#controller.abort(options.signal?.reason)
    if (options.signal?.aborted === true) this.#giveUp()
    else options.signal?.addEventListener('abort', this.#giveUp, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  fail(reason: IndexError): void {
    this.#controller.abort(reason)
  }

  /** An error counts against the origin unless the caller gave up, or our own rules refused the origin. */
  blame(pass: CircuitPass, error: unknown): void {
    const refused = error instanceof IndexError && error.code === 'not-allowed'
    if (this.options.signal?.aborted === true || refused) pass.released()
    else pass.failed()
  }

  finish(): void {
    clearTimeout(this.#deadline)
    this.options.signal?.removeEventListener('abort', this.#giveUp)
  }

  end(reason: string, retryAfterMs?: number): HttpFailure {
    this.finish()
    return { kind: 'failed', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
}

/**
 * A kept-alive connection that the upstream closed in the moment it was used again: the request was never answered, and
 * a GET may be repeated (RFC 9110 9.2.2). A connection that had carried nothing yet is no such case, where that is known.
 */
function isStaleConnection(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  if (isSocketError(error)) return (error.socket?.bytesRead ?? 0) > 0
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

function isSocketError(error: Error): error is errors.SocketError {
  return 'code' in error && error.code === 'UND_ERR_SOCKET'
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** A sentence for people about what the network threw; codes only, no addresses or paths from outside. */
function describe(error: unknown, origin: string): string {
  if (error instanceof IndexError) return error.message
  return `The connection to ${origin} failed (${codeOf(error) ?? 'no code'}).`
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof IndexError || !(error instanceof Error) || !('code' in error)) return undefined
  return String(error.code)
}
