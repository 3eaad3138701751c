import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { pipeline } from 'node:stream'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { TrustError } from '../error.ts'
import { MAX_REDIRECTS, MIN_BYTES_PER_SECOND, SLOW_START_MS } from '../limits.ts'
import type { FetchLimits } from './trust-io.ts'

export interface LimitedFetchOptions {
  /** Sent to the first address and its origin alone: they may be secret. */
  readonly headers?: Readonly<Record<string, string>>
  /** Least average rate; see `MIN_BYTES_PER_SECOND`. */
  readonly minBytesPerSecond?: number
  readonly slowStartMs?: number
  /** Of Node, for https and http: proxies, certificates. */
  readonly agents?: { readonly https: Agent; readonly http: Agent }
}

/** An answer whose body has not been read yet. */
export interface LimitedResponse {
  readonly status: number
  /** The reason phrase, which some indexes use to explain (behaviour.md section 0). */
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /** Decoded. To be read to its end, or left with `discard`. @throws TrustError, while it is read, beyond the limits */
  readonly pieces: AsyncIterable<Uint8Array>
  discard(): void
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

const DECODERS = new Map<string, () => Transform>([
  ['gzip', () => createGunzip()],
  ['br', () => createBrotliDecompress()],
  ['zstd', () => createZstdDecompress()],
])

/**
 * Gets what stands at a URL within limits of bytes, time and pace (attacks.md ED-META, ED-TGT, ED-DEC, SR-1), after redirects.
 * Node's own client: `fetch` alone takes a third of the time of a first refresh to load.
 * @param name what it is, for messages
 * @throws TrustError `fetch-failed` or `limit-exceeded`
 */
export async function limitedFetch(
  url: URL,
  name: string,
  limits: FetchLimits,
  options: LimitedFetchOptions = {},
): Promise<LimitedResponse> {
  const watch = new Watch(name, limits, options)
  try {
    const response = await follow(url, watch, options)
    const discard = (): void => {
      // Without a body the connection is good for the next request.
      if (response.statusCode === 304) response.resume()
      else response.destroy()
      watch.end()
    }
    return {
      status: response.statusCode ?? 0,
      reason: response.statusMessage ?? '',
      headers: response.headers,
      pieces: receive(decoded(response), watch),
      discard,
    }
  } catch (error) {
    watch.end()
    throw watch.explain(error)
  }
}

/** The answer, after redirects. The headers, which may be secret, go to where they were meant for alone. */
async function follow(url: URL, watch: Watch, options: LimitedFetchOptions): Promise<IncomingMessage> {
  let at = url
  for (let redirects = 0; ; redirects += 1) {
    const response = await request(at, at.origin === url.origin, watch, options)
    const { location } = response.headers
    if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return response
    response.destroy()
    const next = URL.parse(location, at)
    const isSafe = next?.protocol === 'https:' || (next?.protocol === 'http:' && at.protocol === 'http:')
    if (next === null || redirects === MAX_REDIRECTS || !isSafe) {
      throw new TrustError('fetch-failed', 'The repository redirects too often, or away from HTTPS.')
    }
    at = next
  }
}

function request(url: URL, isOwn: boolean, watch: Watch, options: LimitedFetchOptions): Promise<IncomingMessage> {
  const isHttps = url.protocol === 'https:'
  const get = isHttps ? httpsGet : httpGet
  const agent = isHttps ? options.agents?.https : options.agents?.http
  const headers = {
    'accept-encoding': [...DECODERS.keys()].join(', '),
    // Freshness is signed: what a cache on the way believes of it does not count (attacks.md FZ-CACHE).
    'cache-control': 'no-cache',
    ...(isOwn ? options.headers : {}),
  }
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = get(
      url,
      { headers, signal: watch.signal, ...(agent === undefined ? {} : { agent }) },
      resolve,
    )
    sent.on('error', reject)
  })
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return response
  const decoder = DECODERS.get(encoding)
  if (decoder === undefined) {
    response.destroy()
    throw new TrustError('fetch-failed', 'The repository answers in an encoding that nobody asked for.')
  }
  // What goes wrong is thrown where the pieces are read.
  return pipeline(response, decoder(), () => undefined)
}

async function* receive(source: Readable, watch: Watch): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      watch.received(piece.length)
      yield piece
    }
  } catch (error) {
    throw watch.explain(error)
  } finally {
    watch.end()
  }
}

/** Ends a request that takes too long, comes too slowly (attacks.md SR-1), or does not end (ED-META, ED-TGT, ED-DEC). */
class Watch {
  readonly #name: string
  readonly #limits: FetchLimits
  readonly #controller = new AbortController()
  readonly #deadline: NodeJS.Timeout
  readonly #pace: NodeJS.Timeout
  readonly #started = performance.now()
  #bytes = 0

  constructor(name: string, limits: FetchLimits, options: LimitedFetchOptions) {
    const { minBytesPerSecond = MIN_BYTES_PER_SECOND, slowStartMs = SLOW_START_MS } = options
    this.#name = name
    this.#limits = limits
    this.#deadline = setTimeout(() => this.#abort('it takes too long'), limits.deadlineMs)
    this.#pace = setInterval(() => {
      const seconds = (performance.now() - this.#started) / 1000
      if (this.#bytes < minBytesPerSecond * seconds) this.#abort('it comes too slowly')
    }, slowStartMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** @throws TrustError `limit-exceeded` */
  received(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#limits.maxBytes) {
      throw new TrustError('limit-exceeded', `${this.#name} has more than ${this.#limits.maxBytes} bytes.`)
    }
  }

  explain(error: unknown): TrustError {
    if (error instanceof TrustError) return error
    const { reason } = this.#controller.signal as { reason: unknown }
    if (reason instanceof TrustError) return reason
    return new TrustError('fetch-failed', `${this.#name} could not be fetched.`, { cause: error })
  }

  end(): void {
    clearTimeout(this.#deadline)
    clearInterval(this.#pace)
  }

  #abort(reason: string): void {
    this.end()
    this.#controller.abort(new TrustError('fetch-failed', `${this.#name} could not be fetched: ${reason}.`))
  }
}
