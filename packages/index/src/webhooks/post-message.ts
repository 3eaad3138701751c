import type { Dispatcher } from 'undici'
import { UPSTREAM_CONNECT_TIMEOUT_MS, WEBHOOK_MAX_DELAY_MS, WEBHOOK_TIMEOUT_MS } from '../limits.ts'
import { openDispatcher, resolveBySystem } from '../upstream/connect.ts'
import { readRetryAfter } from '../upstream/retry-after.ts'
import type { WebhookConfig } from './webhook-config.ts'

/** What became of one attempt. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'failed'
      /** One sentence. */
      readonly reason: string
      /** The receiver's own wish. */
      readonly retryAfterMs?: number
      /** True: it says that it wants no more. */
      readonly gone?: boolean
    }

/** The way to one receiver: to its own address and nowhere else, whatever it answers (attacks.md API-SSRF). */
export class WebhookPost implements AsyncDisposable {
  readonly #url: URL
  readonly #config: Pick<WebhookConfig, 'ca'>
  #dispatcher: Promise<Dispatcher> | undefined

  constructor({ url, ca }: WebhookConfig) {
    this.#url = new URL(url)
    this.#config = ca === undefined ? {} : { ca }
  }

  /** Sends `body`; whatever goes wrong is an answer. Only a status of 2xx means that it was taken. */
  async send(
    body: string,
    headers: Readonly<Record<string, string>>,
    { now, stopped }: { readonly now: number; readonly stopped?: AbortSignal | undefined },
  ): Promise<Delivery> {
    const { origin, pathname, search } = this.#url
    const late = AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)
    const signal = stopped === undefined ? late : AbortSignal.any([stopped, late])
    try {
      const connecting = { ...this.#config, connectTimeoutMs: UPSTREAM_CONNECT_TIMEOUT_MS }
      this.#dispatcher ??= openDispatcher(connecting, new Set([origin]), resolveBySystem)
      const dispatcher = await this.#dispatcher
      const answer = await dispatcher.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'waxseal', ...headers },
        body,
        signal,
      })
      await answer.body.dump({ limit: 16 * 1024, signal }).catch(() => undefined)
      const { statusCode: status, headers: answered } = answer
      if (status >= 200 && status < 300) return { kind: 'delivered' }
      const wish = answered['retry-after']
      const retryAfterMs = typeof wish === 'string' ? readRetryAfter(wish, now) : undefined
      return {
        kind: 'failed',
        reason: `${origin} answered with status ${status}.`,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.min(retryAfterMs, WEBHOOK_MAX_DELAY_MS) }),
        ...(status === 410 ? { gone: true } : {}),
      }
    } catch (error) {
      if (late.aborted) return { kind: 'failed', reason: `${origin} did not answer in time.` }
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'the connection failed'
      return { kind: 'failed', reason: `${origin} cannot be reached (${code}).` }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#dispatcher?.catch(() => undefined))?.destroy()
  }
}
