import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { newestEvent } from '../telemetry/read-events.ts'
import { attempt, webhookRow } from './deliver.ts'
import { WebhookPost } from './post-message.ts'
import type { Delivery } from './post-message.ts'
import { readWebhooks } from './read-webhooks.ts'
import type { WebhookState } from './read-webhooks.ts'
import type { WebhookParts } from './start-webhooks.ts'
import type { WebhookConfig } from './webhook-config.ts'
import { publicText, testMessage } from './webhook-message.ts'
import { openWebhookSigner } from './webhook-signers.ts'

/** One webhook, for whoever looks after it. */
export interface ListedWebhook {
  readonly name: string
  readonly url: string
  /** Null: of every kind. */
  readonly events: readonly string[] | null
  /** The key that its receiver verifies with. */
  readonly publicKey: string
  /** Null: no server has sent to it yet. */
  readonly state: WebhookState | null
}

/** What administrators do with webhooks. */
export class Webhooks {
  readonly #parts: WebhookParts
  readonly #webhooks: readonly WebhookConfig[]

  constructor(parts: WebhookParts, webhooks: readonly WebhookConfig[]) {
    this.#parts = parts
    this.#webhooks = webhooks
  }

  /** All that are configured. Makes their keys where there are none. @throws TrustError where one cannot be opened */
  async list(): Promise<readonly ListedWebhook[]> {
    const { dataDir, context, store } = this.#parts
    const states = await readWebhooks(store)
    const listed: ListedWebhook[] = []
    for (const webhook of this.#webhooks) {
      const { name, url, events = null } = webhook
      const publicKey = publicText((await openWebhookSigner(dataDir, webhook, context)).key)
      listed.push({ name, url, events, publicKey, state: states.find((one) => one.name === name) ?? null })
    }
    return listed
  }

  /** Sends a message of the type `webhook-test`, once. */
  async test(name: string): Promise<Delivery> {
    const { clock, dataDir, context } = this.#parts
    const webhook = this.#find(name)
    await using post = new WebhookPost(webhook)
    const signer = () => openWebhookSigner(dataDir, webhook, context)
    return await attempt({ clock, post, signer }, testMessage(name, isoTime(clock)))
  }

  /**
   * Gives up what a webhook has not got yet: it goes on with what follows. Forgets one that is configured no more.
   * @throws IndexError `not-found`
   */
  async skip(name: string): Promise<void> {
    const { store } = this.#parts
    const known = (await readWebhooks(store)).some((webhook) => webhook.name === name)
    if (!this.#webhooks.some((webhook) => webhook.name === name)) {
      if (!known) this.#find(name)
      await store.transaction((tx) => tx.deleteFrom('webhook').where('name', '=', name).execute())
      return
    }
    await webhookRow(store, name)
    const values = { last_event: await newestEvent(store), attempts: 0, next_at: null }
    await store.transaction((tx) => tx.updateTable('webhook').set(values).where('name', '=', name).execute())
  }

  #find(name: string): WebhookConfig {
    const found = this.#webhooks.find((webhook) => webhook.name === name)
    if (found !== undefined) return found
    throw new IndexError('not-found', `There is no webhook ${name}; see: waxseal webhook list`)
  }
}
