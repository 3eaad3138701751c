import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { LEASE_MS } from '../limits.ts'
import type { Store } from './store.ts'

/** What one process at a time may do on a database, whatever machine it runs on. */
export type LeaseName = 'keeping'

/**
 * Runs `work` while nobody else holds the lease `name`. It is renewed for as long as `work` runs, and ends by itself
 * when this process dies. `work` gets a signal that aborts when the lease was lost all the same (a process that was
 * stopped for longer than `LEASE_MS`): whatever it would then still do that cannot be undone, it must not.
 *
 * @throws IndexError `conflict` when another process holds it
 */
export async function withLease<T>(
  store: Store,
  clock: Clock,
  name: LeaseName,
  work: (held: AbortSignal) => Promise<T>,
): Promise<T> {
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  await take(store, clock, name, holder)
  const lost = new AbortController()
  const lose = (error: unknown) => lost.abort(error)
  const renewal = setInterval(() => void renew(store, clock, name, holder).catch(lose), LEASE_MS / 3)
  try {
    return await work(lost.signal)
  } finally {
    clearInterval(renewal)
    await store.transaction((tx) =>
      tx.deleteFrom('lease').where('name', '=', name).where('holder', '=', holder).execute(),
    )
  }
}

async function take(store: Store, clock: Clock, name: LeaseName, holder: string): Promise<void> {
  await store.transaction(async (tx) => {
    const held = await tx.selectFrom('lease').selectAll().where('name', '=', name).executeTakeFirst()
    const latest = new Date(clock.now() + LEASE_MS).toISOString()
    // A time much further away than any lease lasts is from before the clock was set back; hosts may differ a little.
    const credible = new Date(clock.now() + 2 * LEASE_MS).toISOString()
    if (held !== undefined && held.expires_at > isoTime(clock) && held.expires_at <= credible) {
      const [host, pid] = held.holder.split('/')
      throw new IndexError(
        'conflict',
        `Process ${pid} on ${host} is at work on this index (backup, restore, doctor or gc); its hold ends at ${held.expires_at} unless it is renewed. Try again then.`,
      )
    }
    const values = { holder, expires_at: latest }
    await tx
      .insertInto('lease')
      .values({ name, ...values })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute()
  })
}

async function renew(store: Store, clock: Clock, name: LeaseName, holder: string): Promise<void> {
  const expires_at = new Date(clock.now() + LEASE_MS).toISOString()
  const renewed = await store.transaction((tx) =>
    tx
      .updateTable('lease')
      .set({ expires_at })
      .where('name', '=', name)
      .where('holder', '=', holder)
      .executeTakeFirst(),
  )
  if (renewed.numUpdatedRows === 0n) throw new IndexError('conflict', 'Another process has taken over.')
}
