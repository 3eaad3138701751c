import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib'
import { ofItsOwn } from '../blobs/of-its-own.ts'
import { CONCURRENT_ENCODINGS, ENCODED_BODY_MIN, REPRESENTATION_OVERHEAD } from '../limits.ts'
import type { ContentEncoding } from './negotiate.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** One body as it goes over the wire, with everything about it that can be computed before a request comes. */
export interface Representation {
  readonly bytes: Buffer
  /** Strong: the hash of the representation as sent (design.md section 3), with its quotes. */
  readonly etag: string
  /** Flat header lists as `writeHead` takes them, for a 200 and for a 304. */
  readonly headers: readonly string[]
  readonly notModifiedHeaders: readonly string[]
}

/** A body before encoding: what the cache asks its caller for. */
export interface Body {
  readonly bytes: Buffer
  /** Header pairs, flat, that follow from the body, such as X-PyPI-Last-Serial; sent with a 304 too. */
  readonly headers?: readonly string[]
}

export interface RepresentationCacheOptions {
  readonly maxBytes: number
  /** `no-cache` lets clients keep a page and makes them ask each time (behaviour.md 0.9). */
  readonly cacheControl?: string
  /** What the choice of a representation depends on, as the Vary header says it. */
  readonly vary?: string
  /** A flat list, where the usual one does not fit. */
  readonly securityHeaders?: readonly string[]
}

/** What a representation is of: an immutable body by its sha256, sent as `contentType`. */
export interface BodyKey {
  readonly sha256: string
  readonly contentType: string
}

const ENCODERS = {
  zstd: (bytes) => promisify(zstdCompress)(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 6 } }),
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 5,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 6 }),
} satisfies Record<Exclude<ContentEncoding, 'identity'>, (bytes: Buffer) => Promise<Buffer>>

interface Entry {
  readonly representation: Representation
  /** The header pairs of the body, for its other encodings. */
  readonly bodyHeaders: readonly string[]
  /** Bytes accounted for: nothing for the body when it is another entry's. */
  readonly cost: number
}

/**
 * Encoded bodies, made once each on first use, off the main thread, and kept within a bound in bytes, the least
 * recently used going first (design.md section 3). Requests for one that is being made wait for it: encoding takes
 * milliseconds, and an identity answer in the meantime would put a second tag and ten times the bytes in their caches.
 */
export class RepresentationCache {
  readonly #maxBytes: number
  readonly #cacheControl: string
  readonly #vary: string
  readonly #securityHeaders: readonly string[]
  readonly #entries = new Map<string, Entry>()
  readonly #inFlight = new Map<string, Promise<Entry>>()
  readonly #waiting: (() => void)[] = []
  #encoding = 0
  #bytes = 0

  constructor(options: RepresentationCacheOptions) {
    this.#maxBytes = options.maxBytes
    this.#cacheControl = options.cacheControl ?? 'no-cache'
    this.#vary = options.vary ?? 'Accept, Accept-Encoding'
    this.#securityHeaders = options.securityHeaders ?? SECURITY_HEADERS
  }

  /** Bytes accounted for, never more than the bound. */
  get bytes(): number {
    return this.#bytes
  }

  /** The representation if it is there already: the whole work of a warm request. */
  peek(key: BodyKey, encoding: ContentEncoding): Representation | undefined {
    return this.#find(entryId(key, encoding))?.representation
  }

  /**
   * The representation, made if need be from what `load` brings. `load` runs once however many ask; when it or the
   * encoder fails, all who wait get the error and the next one tries again.
   */
  async get(key: BodyKey, encoding: ContentEncoding, load: () => Promise<Body>): Promise<Representation> {
    return (await this.#get(key, encoding, load)).representation
  }

  async #get(key: BodyKey, encoding: ContentEncoding, load: () => Promise<Body>): Promise<Entry> {
    const id = entryId(key, encoding)
    const found = this.#find(id)
    if (found !== undefined) return found
    let making = this.#inFlight.get(id)
    if (making === undefined) {
      making = this.#make(key, encoding, load)
        .then((entry) => this.#keep(id, entry))
        .finally(() => this.#inFlight.delete(id))
      this.#inFlight.set(id, making)
    }
    return making
  }

  async #make(key: BodyKey, encoding: ContentEncoding, load: () => Promise<Body>): Promise<Entry> {
    if (encoding === 'identity') {
      const { bytes, headers = [] } = await load()
      return this.#entry(key, encoding, bytes, headers)
    }
    const identity = await this.#get(key, 'identity', load)
    const { bytes } = identity.representation
    // Below a packet or so, encoding costs both sides more than it saves.
    const encoded = bytes.length < ENCODED_BODY_MIN ? bytes : await this.#encode(encoding, bytes)
    if (encoded.length >= bytes.length) return { ...identity, cost: REPRESENTATION_OVERHEAD }
    return this.#entry(key, encoding, encoded, identity.bodyHeaders)
  }

  /** Runs the encoder when fewer than the cap are running: the thread pool also reads files. */
  async #encode(encoding: Exclude<ContentEncoding, 'identity'>, bytes: Buffer): Promise<Buffer> {
    if (this.#encoding >= CONCURRENT_ENCODINGS) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#encoding += 1
    try {
      return await ENCODERS[encoding](bytes)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#encoding -= 1
      else next()
    }
  }

  #entry({ contentType }: BodyKey, encoding: ContentEncoding, body: Buffer, bodyHeaders: readonly string[]): Entry {
    const bytes = body.buffer.byteLength === body.length ? body : ofItsOwn(body)
    const etag = `"${hash('sha256', Buffer.concat([Buffer.from(`${contentType}\n${encoding}\n`), bytes]), 'base64url')}"`
    const shared = ['ETag', etag, 'Cache-Control', this.#cacheControl, 'Vary', this.#vary, ...bodyHeaders]
    const headers = [
      'Content-Type',
      contentType,
      'Content-Length',
      String(bytes.length),
      ...shared,
      ...this.#securityHeaders,
    ]
    if (encoding !== 'identity') headers.push('Content-Encoding', encoding)
    const representation = { bytes, etag, headers, notModifiedHeaders: shared }
    return { representation, bodyHeaders, cost: bytes.length + REPRESENTATION_OVERHEAD }
  }

  #find(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    // A Map keeps the order of insertion: putting it in again makes it the youngest.
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    return entry
  }

  #keep(id: string, entry: Entry): Entry {
    // One that would push out everything else is made again each time instead.
    if (entry.cost > this.#maxBytes / 2) return entry
    this.#entries.set(id, entry)
    this.#bytes += entry.cost
    for (const [oldest, { cost }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#entries.delete(oldest)
      this.#bytes -= cost
    }
    return entry
  }
}

/** Two bodies never share a slot: the hash names the bytes (attacks.md CACHE-KEY, CACHE-POIS). */
function entryId({ sha256, contentType }: BodyKey, encoding: ContentEncoding): string {
  return `${sha256} ${encoding} ${contentType}`
}
