import type { Selectable } from 'kysely'
import type { Signer } from '@waxseal/trust'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import {
  WEBHOOK_BATCH,
  WEBHOOK_DELAYS_MS,
  WEBHOOK_FAILING_ATTEMPTS,
  WEBHOOK_MAX_DELAY_MS,
  WEBHOOK_SKIPPED,
} from '../limits.ts'
import { withLease } from '../store/lease.ts'
import type { WebhookTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import { newestEvent, readEvents } from '../telemetry/read-events.ts'
import type { ToldEvent } from '../telemetry/read-events.ts'
import type { Delivery, WebhookPost } from './post-message.ts'
import type { WebhookConfig } from './webhook-config.ts'
import { eventMessage, signedHeaders } from './webhook-message.ts'
import type { WebhookMessage } from './webhook-message.ts'

export interface DeliveryParts {
  readonly store: Store
  readonly clock: Clock
  readonly webhook: WebhookConfig
  readonly post: Pick<WebhookPost, 'send'>
  /** Opens the key; asked each time, so that one that was away is tried again. */
  readonly signer: () => Promise<Signer>
  /** From 0 to 1: how much later than planned a receiver is tried again. */
  readonly jitter: () => number
}

type WebhookRow = Selectable<WebhookTable>

/**
 * Sends what a webhook has not got yet, oldest first, until there is nothing more or an attempt fails. An event is passed only
 * when its receiver has taken it, so it gets each at least once, whatever process ends when; of several one sends.
 *
 * @throws IndexError `conflict` while another process does
 */
export async function deliver(parts: DeliveryParts, stopped: AbortSignal): Promise<void> {
  // Without a lease, which would be a write for each look.
  if ((await nextEvents(parts)) === undefined) return
  const { store, clock, webhook } = parts
  await withLease(store, clock, { name: `webhook-${webhook.name}`, by: 'webhook' }, async (lost) => {
    const ended = AbortSignal.any([stopped, lost])
    for (let next = await nextEvents(parts); next !== undefined; next = await nextEvents(parts)) {
      let { row } = next
      for (const event of next.events) {
        const delivery = await attempt(parts, eventMessage(event), ended)
        // What was under way when this ended is nobody's failure, and is sent again.
        if (ended.aborted && delivery.kind === 'failed') return
        row = await note(parts, row, event, delivery)
        if (delivery.kind === 'failed') return
      }
    }
  })
}

/** Signs and sends one message. */
export async function attempt(
  { clock, post, signer }: Pick<DeliveryParts, 'clock' | 'post' | 'signer'>,
  message: WebhookMessage,
  stopped?: AbortSignal,
): Promise<Delivery> {
  const now = clock.now()
  let headers
  try {
    headers = await signedHeaders(message, await signer(), now)
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
  return await post.send(message.body, headers, { now, stopped })
}

/** The row of a webhook. One that is new begins with what happens from now on. */
export async function webhookRow(store: Store, name: string): Promise<WebhookRow> {
  const find = store.db.selectFrom('webhook').selectAll().where('name', '=', name)
  const known = await find.executeTakeFirst()
  if (known !== undefined) return known
  const last_event = await newestEvent(store)
  const fresh = { name, last_event, attempts: 0, next_at: null, failing_since: null, reason: null, told: 0 }
  await store.transaction((tx) =>
    tx
      .insertInto('webhook')
      .values({ ...fresh, delivered_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  )
  return await find.executeTakeFirstOrThrow()
}

/** What is to be sent now, if anything. */
async function nextEvents({
  store,
  clock,
  webhook,
}: DeliveryParts): Promise<{ readonly row: WebhookRow; readonly events: readonly ToldEvent[] } | undefined> {
  const row = await webhookRow(store, webhook.name)
  const waitMs = row.next_at === null ? 0 : Date.parse(row.next_at) - clock.now()
  // A time further away than any delay is from before the clock was set back.
  if (waitMs > 0 && waitMs <= 2 * WEBHOOK_MAX_DELAY_MS) return undefined
  const newest = await newestEvent(store)
  if (newest <= row.last_event) return undefined
  const events = await readEvents(store, row.last_event, WEBHOOK_BATCH, { kinds: webhook.events })
  if (events.length > 0) return { row, events }
  // So that what it does not want is not gone through again and again.
  if (newest - row.last_event >= WEBHOOK_SKIPPED) await save(store, { ...row, last_event: newest })
  return undefined
}

/** Writes what became of an attempt, with an event where the receiver begins to fail for long, or takes events again. */
async function note(
  { store, clock, webhook, jitter }: DeliveryParts,
  row: WebhookRow,
  { id }: ToldEvent,
  delivery: Delivery,
): Promise<WebhookRow> {
  const now = isoTime(clock)
  const about = { at: now, actor: null, project: null }
  if (delivery.kind === 'delivered') {
    const well = { attempts: 0, next_at: null, failing_since: null, reason: null, told: 0 }
    const after = { ...row, ...well, last_event: id, delivered_at: now }
    const detail = { webhook: webhook.name, since: row.failing_since ?? '' }
    await save(store, after, row.told === 1 ? { ...about, kind: 'webhook-recovered', detail } : undefined)
    return after
  }
  const { reason, retryAfterMs = 0, gone = false } = delivery
  const planned = WEBHOOK_DELAYS_MS[row.attempts] ?? WEBHOOK_MAX_DELAY_MS
  const delayMs = Math.max(planned * (1 + jitter() / 5), retryAfterMs)
  const attempts = row.attempts + 1
  const since = row.failing_since ?? now
  const told = row.told === 1 || gone || attempts >= WEBHOOK_FAILING_ATTEMPTS
  const next_at = new Date(clock.now() + delayMs).toISOString()
  const after = { ...row, attempts, next_at, failing_since: since, reason, told: told ? 1 : 0 }
  const detail = { webhook: webhook.name, since, reason }
  await save(store, after, told && row.told === 0 ? { ...about, kind: 'webhook-failing', detail } : undefined)
  return after
}

async function save(
  store: Store,
  { name, ...values }: WebhookRow,
  event?: Parameters<typeof recordEvent>[1],
): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.updateTable('webhook').set(values).where('name', '=', name).execute()
    if (event !== undefined) await recordEvent(tx, event)
  })
}
