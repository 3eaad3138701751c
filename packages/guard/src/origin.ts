import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { HttpRemote, limitedFetch, TrustError } from '@waxseal/trust/client'
import type { LimitedFetchOptions, LimitedResponse } from '@waxseal/trust/client'
import { isThisMachine } from './index-url.ts'
import { MAX_PAGE_BYTES, PAGE_DEADLINE_MS } from './limits.ts'

/** What the index answers when it is asked for a project's page. Nothing of it is believed before it was found signed. */
export type PageAnswer =
  | {
      readonly kind: 'page'
      readonly bytes: Uint8Array
      readonly etag: string
      /** The snapshot that the page came out in, as the index says; 0 where it does not. */
      readonly snapshot: number
    }
  | { readonly kind: 'same'; readonly snapshot: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreachable'; readonly reason: string }

export interface OriginOptions {
  /** Base URL, without a slash at the end. */
  readonly url: string
  /** For the index alone. */
  readonly authorization?: string | undefined
  /** Where the user's own proxies stand: the guard takes them, the programs that it runs do not. */
  readonly env?: NodeJS.ProcessEnv
  /** Least average rate and when it must be reached, where it is not the default. */
  readonly pace?: Pick<LimitedFetchOptions, 'minBytesPerSecond' | 'slowStartMs'>
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

/** The index that is verified, over HTTP. */
export class Origin implements Disposable {
  readonly url: string
  readonly remote: HttpRemote
  readonly #options: LimitedFetchOptions
  readonly #agents: { readonly https: HttpsAgent; readonly http: HttpAgent }

  constructor({ url, authorization, env, pace }: OriginOptions) {
    this.url = url
    this.#agents = agentsFor(url, env)
    this.#options = {
      headers: { 'user-agent': 'waxseal-guard', ...(authorization === undefined ? {} : { authorization }) },
      agents: this.#agents,
      ...pace,
    }
    this.remote = new HttpRemote({ ...this.#options, metadataUrl: `${url}/tuf/`, targetsUrl: `${url}/tuf/targets/` })
  }

  /**
   * Asks for a project's page, as pip would: that is what makes an index look at its upstreams again. With `etag`, the answer may
   * be that the page is the same as then.
   */
  async askPage(project: string, etag: string | undefined): Promise<PageAnswer> {
    const headers = {
      ...this.#options.headers,
      accept: JSON_TYPE,
      ...(etag === undefined || etag === '' ? {} : { 'if-none-match': etag }),
    }
    try {
      const response = await this.#get(`/simple/${project}/`, headers, MAX_PAGE_BYTES, PAGE_DEADLINE_MS)
      const snapshot = Number(/^[0-9]{1,15}$/.exec(String(response.headers['waxseal-snapshot']))?.[0] ?? 0)
      if (response.status === 200) {
        return { kind: 'page', bytes: await whole(response), etag: response.headers.etag ?? '', snapshot }
      }
      response.discard()
      if (response.status === 304) return { kind: 'same', snapshot }
      if (response.status === 404 || response.status === 410) return { kind: 'none' }
      return { kind: 'unreachable', reason: refusalOf(response) }
    } catch (error) {
      if (error instanceof TrustError) return { kind: 'unreachable', reason: error.message }
      throw error
    }
  }

  /** A file or its sidecar. @throws TrustError `fetch-failed`, also for any answer but 200, with what the index says */
  async file(path: string, maxBytes: number, deadlineMs: number): Promise<AsyncIterable<Uint8Array>> {
    const headers = { ...this.#options.headers, accept: '*/*', 'accept-encoding': 'identity' }
    const response = await this.#get(path, headers, maxBytes, deadlineMs)
    if (response.status === 200) return response.pieces
    response.discard()
    throw new TrustError('fetch-failed', refusalOf(response))
  }

  [Symbol.dispose](): void {
    this.#agents.https.destroy()
    this.#agents.http.destroy()
  }

  async #get(
    path: string,
    headers: Readonly<Record<string, string>>,
    maxBytes: number,
    deadlineMs: number,
  ): Promise<LimitedResponse> {
    return await limitedFetch(
      new URL(`${this.url}${path}`),
      path,
      { maxBytes, deadlineMs },
      { ...this.#options, headers },
    )
  }
}

/** Agents that go the way of the user's proxies; to this machine itself there is no way but the direct one. */
export function agentsFor(
  url: string,
  env: NodeJS.ProcessEnv | undefined,
): { readonly https: HttpsAgent; readonly http: HttpAgent } {
  const agent = { keepAlive: true, ...(env === undefined || isThisMachine(url) ? {} : { proxyEnv: env }) }
  return { https: new HttpsAgent(agent), http: new HttpAgent(agent) }
}

async function whole(response: LimitedResponse): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of response.pieces) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What the index says, which for what it withholds is why (design.md section 6: a refusal fills the reason phrase). */
function refusalOf({ status, reason }: LimitedResponse): string {
  const said = `The index answers ${status}${reason === '' ? '' : ` ${reason}`}`
  return status === 401 ? `${said}: it wants a token that may read (waxseal trust login).` : `${said}.`
}
