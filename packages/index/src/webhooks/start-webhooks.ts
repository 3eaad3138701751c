import type { Signer, SignerContext } from '@waxseal/trust'
import type { BackgroundWork } from '../background-work.ts'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { WEBHOOK_POLL_MS } from '../limits.ts'
import { repeating } from '../repeating.ts'
import type { RepeatListener } from '../repeating.ts'
import type { Store } from '../store/store.ts'
import { deliver } from './deliver.ts'
import { WebhookPost } from './post-message.ts'
import type { WebhookConfig } from './webhook-config.ts'
import { openWebhookSigner } from './webhook-signers.ts'

export interface WebhookParts {
  readonly store: Store
  readonly clock: Clock
  readonly dataDir: string
  readonly context: SignerContext
}

/** Lets a server send events to their receivers, each by itself: one that is slow, or gone, holds up no other. */
export function startWebhooks(
  { store, clock, dataDir, context }: WebhookParts,
  webhooks: readonly WebhookConfig[],
  background: BackgroundWork,
  listener: RepeatListener,
): AsyncDisposable {
  const stack = new AsyncDisposableStack()
  for (const webhook of webhooks) {
    const stopping = new AbortController()
    const post = stack.use(new WebhookPost(webhook))
    let opened: Promise<Signer> | undefined
    const signer = (): Promise<Signer> => {
      opened ??= openWebhookSigner(dataDir, webhook, context).catch((error: unknown) => {
        opened = undefined
        throw error
      })
      return opened
    }
    const parts = { store, clock, webhook, post, signer, jitter: Math.random }
    const send = async (): Promise<void> => {
      try {
        await deliver(parts, stopping.signal)
      } catch (error) {
        const isBusy = error instanceof IndexError && error.code === 'conflict'
        if (!isBusy && !stopping.signal.aborted) throw error
      }
    }
    stack.use(repeating(send, { everyMs: WEBHOOK_POLL_MS, firstMs: 0 }, background, listener))
    stack.defer(() => stopping.abort())
  }
  return stack
}
