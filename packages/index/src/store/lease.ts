import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Selectable } from 'kysely'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { LEASE_MS, LEASE_POLL_MS } from '../limits.ts'
import type { LeaseTable } from './schema.ts'
import type { Store } from './store.ts'

/** What each kind of work is called where others are told that it goes on. */
const WORKS = {
  backup: 'a backup',
  doctor: 'waxseal doctor --repair',
  gc: 'waxseal gc, or the daily collection of a server',
  sentinel: 'waxseal sentinel run, or the regular look of a server',
  webhook: 'the delivery of a server',
} as const

/** Who wants a lease. */
export interface LeaseClaim {
  /** What one process at a time may do on a database, whatever machine it runs on. */
  readonly name: 'keeping' | 'sentinel' | `webhook-${string}`
  readonly by: keyof typeof WORKS
  /** Without it, whoever comes while it is held is refused at once. */
  readonly patience?: Patience
}

/** How long a holder is waited for. */
export interface Patience {
  readonly forMs: number
  /** Told of every look: for how long one has waited, and what holds the lease, for people. */
  readonly onWait: (waitedMs: number, holder: string) => void
}

/**
 * Runs `work` while nobody else holds the lease `name`. It is renewed for as long as `work` runs, and ends by itself
 * when this process dies. `work` gets a signal that aborts when the lease was lost all the same (a process that was
 * stopped for longer than `LEASE_MS`): whatever it would then still do that cannot be undone, it must not.
 *
 * @throws IndexError `conflict` when another process holds it, for longer than `patience` lasts
 */
export async function withLease<T>(
  store: Store,
  clock: Clock,
  { name, by, patience }: LeaseClaim,
  work: (held: AbortSignal) => Promise<T>,
): Promise<T> {
  const holder = `${hostname()}/${process.pid}/${randomUUID()}/${by}`
  await takeWhenFree(patience, () => take(store, clock, name, holder))
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

type Held = Selectable<LeaseTable>

async function takeWhenFree(patience: Patience | undefined, attempt: () => Promise<Held | undefined>): Promise<void> {
  const since = performance.now()
  for (;;) {
    const held = await attempt()
    if (held === undefined) return
    const waitedMs = performance.now() - since
    const leftMs = (patience?.forMs ?? 0) - waitedMs
    if (leftMs <= 0) {
      const waited = patience === undefined ? '' : ` Waited for ${Math.round(waitedMs / 1000)} seconds.`
      throw new IndexError(
        'conflict',
        `Process ${told(held)} is at work on this index; its hold ends at ${held.expires_at} unless it is renewed.${waited} Try again then.`,
      )
    }
    patience?.onWait(waitedMs, `process ${told(held)}`)
    // No other process is told of it when a lease ends.
    await delay(Math.min(leftMs, LEASE_POLL_MS))
  }
}

function told({ holder }: Held): string {
  const [host, pid, , by] = holder.split('/')
  const work = Object.entries(WORKS).find(([name]) => name === by)?.[1] ?? 'backup, doctor or gc'
  return `${pid} on ${host} (${work})`
}

/** Takes the lease; undefined: it is taken now, else whose it is. */
async function take(store: Store, clock: Clock, name: LeaseClaim['name'], holder: string): Promise<Held | undefined> {
  return await store.transaction(async (tx) => {
    const held = await tx.selectFrom('lease').selectAll().where('name', '=', name).executeTakeFirst()
    if (held !== undefined && isHeld(held, clock)) return held
    const values = { holder, expires_at: new Date(clock.now() + LEASE_MS).toISOString() }
    await tx
      .insertInto('lease')
      .values({ name, ...values })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute()
    return undefined
  })
}

/** Whether somebody has the lease that this row tells of. */
export function isHeld({ expires_at }: Held, clock: Clock): boolean {
  // A time much further away than any lease lasts is from before the clock was set back; hosts may differ a little.
  return expires_at > isoTime(clock) && expires_at <= new Date(clock.now() + 2 * LEASE_MS).toISOString()
}

/** Whether such work goes on at this moment. */
export async function isAtWork({ db }: Store, clock: Clock, by: LeaseClaim['by']): Promise<boolean> {
  const held = await db.selectFrom('lease').selectAll().where('name', '=', 'keeping').executeTakeFirst()
  return held !== undefined && held.holder.endsWith(`/${by}`) && isHeld(held, clock)
}

async function renew(store: Store, clock: Clock, name: LeaseClaim['name'], holder: string): Promise<void> {
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
