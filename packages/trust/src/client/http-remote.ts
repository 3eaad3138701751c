import { TrustError } from '../error.ts'
import { limitedFetch } from './limited-fetch.ts'
import type { LimitedFetchOptions } from './limited-fetch.ts'
import type { FetchLimits, TrustRemote } from './trust-io.ts'

export interface HttpRemoteOptions extends LimitedFetchOptions {
  /** Where metadata is; a slash at the end makes no difference. */
  readonly metadataUrl: string
  /** Where targets are. Without it there are none. */
  readonly targetsUrl?: string | undefined
}

/** Answers by which a repository says that it does not have a file: storage services say 403 where nobody may list. */
const ABSENT: readonly number[] = [403, 404, 410]

/** A repository behind HTTP. */
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
    const url = new URL(`${base.replace(/\/$/, '')}/${name}`)
    const response = await limitedFetch(url, name, limits, this.#options)
    if (response.status === 200) return response.pieces
    response.discard()
    if (ABSENT.includes(response.status)) return undefined
    throw new TrustError('fetch-failed', `${name}: the repository answers ${response.status}.`)
  }
}
