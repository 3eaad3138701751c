import type { Store } from '../store/store.ts'
import { newestEvent } from '../telemetry/read-events.ts'

/** How far a webhook has come. Times in ISO 8601. */
export interface WebhookState {
  readonly name: string
  /** Id of the last event that it has got, or does not want. */
  readonly lastEvent: number
  /** How many events there are after that, of whatever kind. */
  readonly behind: number
  readonly deliveredAt: string | null
  /** Null: the last attempt was well. */
  readonly failingSince: string | null
  readonly reason: string | null
  /** How often the next event was tried in vain, and when again. */
  readonly attempts: number
  readonly nextAt: string | null
  /** Whether it fails for so long that an event tells of it. */
  readonly failing: boolean
}

/** Every webhook that a server has ever sent to, by name. */
export async function readWebhooks(store: Store): Promise<readonly WebhookState[]> {
  const newest = await newestEvent(store)
  const rows = await store.db.selectFrom('webhook').selectAll().orderBy('name').execute()
  return rows.map((row) => ({
    name: row.name,
    lastEvent: row.last_event,
    behind: Math.max(0, newest - row.last_event),
    deliveredAt: row.delivered_at,
    failingSince: row.failing_since,
    reason: row.reason,
    attempts: row.attempts,
    nextAt: row.next_at,
    failing: row.told === 1,
  }))
}

/** Sentences about receivers that take nothing. */
export function webhookAttention(webhooks: readonly WebhookState[]): readonly string[] {
  return webhooks
    .filter(({ failing }) => failing)
    .map(({ name, failingSince, reason }) => `The webhook ${name} takes no events since ${failingSince}: ${reason}`)
}
