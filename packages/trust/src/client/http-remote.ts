import type { ClientRequest, IncomingMessage } from 'node:http'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { pipeline } from 'node:stream'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { TrustError } from '../error.ts'
import { MAX_REDIRECTS, MIN_BYTES_PER_SECOND, SLOW_START_MS } from '../limits.ts'
import type { FetchLimits, TrustRemote } from './trust-io.ts'

export interface HttpRemoteOptions {
  /** Where metadata is; a slash at the end makes no difference. */
  readonly metadataUrl: string
  /** Where targets are. Without it there are none. */
  readonly targetsUrl?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Least average rate; see `MIN_BYTES_PER_SECOND`. */
  readonly minBytesPerSecond?: number
  readonly slowStartMs?: number
}

/** Answers by which a repository says that it does not have a file: storage services say 403 where nobody may list. */
const ABSENT: readonly number[] = [403, 404, 410]
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

const DECODERS = new Map<string, () => Transform>([
  ['gzip', () => createGunzip()],
  ['br', () => createBrotliDecompress()],
  ['zstd', () => createZstdDecompress()],
])

/** A repository behind HTTP. Node's own client: `fetch` alone takes a third of the time of a first refresh to load. */
export class HttpRemote implements TrustRemote {
  readonly #options: HttpRemoteOptions

  constructor(options: HttpRemoteOptions) {
    this.#options = options
  }

  async metadata(name: string, limits: FetchLimits): Promise<Uint8Array | undefined> {
    const pieces = await this.#get(this.#options.metadataUrl, name, limits)
    if (pieces === undefined) return undefined
    const received: Uint8Array[] = []
    for await (const piece of pieces) received.push(piece)
    return Buffer.concat(received)
  }

  async target(path: string, limits: FetchLimits): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { targetsUrl } = this.#options
    return targetsUrl === undefined ? undefined : await this.#get(targetsUrl, path, limits)
  }

  async #get(base: string, name: string, limits: FetchLimits): Promise<AsyncIterable<Uint8Array> | undefined> {
    const watch = new Watch(name, limits, this.#options)
    try {
      const response = await this.#follow(new URL(`${base.replace(/\/$/, '')}/${name}`), watch)
      if (response.statusCode === 200) return receive(decoded(response), watch)
      response.destroy()
      watch.end()
      if (ABSENT.includes(response.statusCode ?? 0)) return undefined
      throw new TrustError('fetch-failed', `${name}: the repository answers ${response.statusCode}.`)
    } catch (error) {
      watch.end()
      throw watch.explain(error)
    }
  }

  /** The answer, after redirects. The headers, which may be secret, go to where they were meant for alone. */
  async #follow(url: URL, watch: Watch): Promise<IncomingMessage> {
    let at = url
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#request(at, at.origin === url.origin, watch)
      const { location } = response.headers
      if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return response
      response.destroy()
      const next = new URL(location, at)
      if (redirects === MAX_REDIRECTS || (at.protocol === 'https:' && next.protocol !== 'https:')) {
        throw new TrustError('fetch-failed', 'The repository redirects too often, or away from HTTPS.')
      }
      at = next
    }
  }

  #request(url: URL, isOwn: boolean, watch: Watch): Promise<IncomingMessage> {
    const get = url.protocol === 'https:' ? httpsGet : httpGet
    const headers = {
      'accept-encoding': [...DECODERS.keys()].join(', '),
      // Freshness is signed: what a cache on the way believes of it does not count (attacks.md FZ-CACHE).
      'cache-control': 'no-cache',
      ...(isOwn ? this.#options.headers : {}),
    }
    return new Promise((resolve, reject) => {
      const request: ClientRequest = get(url, { headers, signal: watch.signal }, resolve)
      request.on('error', reject)
    })
  }
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return response
  const decoder = DECODERS.get(encoding)
  if (decoder === undefined)
    throw new TrustError('fetch-failed', 'The repository answers in an encoding that nobody asked for.')
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

  constructor(name: string, limits: FetchLimits, options: HttpRemoteOptions) {
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
