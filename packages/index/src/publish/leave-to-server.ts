import { setTimeout as delay } from 'node:timers/promises'
import { TrustError } from '@waxseal/trust'
import type { TrustErrorCode } from '@waxseal/trust'
import { LEFT_TO_SERVER_MS, LEFT_TO_SERVER_POLL_MS } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Publisher } from './publisher.ts'

/** Whatever brings out what was journalled. */
export type Publishing = Pick<Publisher, 'publish'>

/** What a key that is not here, is not to be read here, or is another one than it should be, comes to. */
const WITHOUT_KEYS: ReadonlySet<TrustErrorCode> = new Set([
  'key-invalid',
  'passphrase-wrong',
  'signer-failed',
  'threshold-not-met',
])

/**
 * Publishes for a command beside a server. Where the keys cannot be used here, that is left to the server, which looks for what
 * others left every second and has them: waited for for a while, and told when it did not come to that.
 */
export function leavingToServer(
  publisher: Publishing,
  store: Store,
  { onLeft, waitMs = LEFT_TO_SERVER_MS }: { readonly onLeft: (problem: string) => void; readonly waitMs?: number },
): Publishing {
  return {
    async publish() {
      try {
        return await publisher.publish()
      } catch (error) {
        if (!(error instanceof TrustError) || !WITHOUT_KEYS.has(error.code)) throw error
        if (!(await isPublished(store, waitMs))) onLeft(error.message)
      }
    },
  }
}

/** Waits until all that is journalled by now is published; false where nobody did that in time. */
async function isPublished({ db }: Store, waitMs: number): Promise<boolean> {
  const waiting = db.selectFrom('journal').select('seq').where('snapshot', 'is', null)
  const last = (await waiting.orderBy('seq', 'desc').limit(1).executeTakeFirst())?.seq
  const started = performance.now()
  for (;;) {
    const left = last === undefined ? undefined : await waiting.where('seq', '<=', last).limit(1).executeTakeFirst()
    if (left === undefined) return true
    if (performance.now() - started > waitMs) return false
    await delay(LEFT_TO_SERVER_POLL_MS)
  }
}
