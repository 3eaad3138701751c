import { isIPv4 } from 'node:net'
import type { Kysely, Transaction } from 'kysely'
import { sql } from 'kysely'
import type { Requester } from '../access/permissions.ts'
import { addressKey } from '../access/address-key.ts'
import type { Clock } from '../clock.ts'
import { INSERT_CHUNK, TALLY_PENDING, TALLY_PRUNE_MS, TALLY_ROWS } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

export interface DownloadTallyParts {
  readonly store: Store
  readonly clock: Clock
  /** How many days it is kept; 0: nothing is. */
  readonly days: number
}

interface Counted {
  readonly project: string
  readonly day: string
  readonly who: string
  downloads: number
}

/**
 * Who downloads files of upstreams' projects, by day: what an administrator is shown who is about to claim such a name
 * (docs/decisions/0023-download-tally.md). Counted in memory and written once in a while, beside the requests; what a crash takes
 * of it is a minute's.
 */
export class DownloadTally {
  readonly #parts: DownloadTallyParts
  #pending = new Map<string, Counted>()
  #prunedAt = Number.NEGATIVE_INFINITY

  constructor(parts: DownloadTallyParts) {
    this.#parts = parts
  }

  /** Counts a download of a file of `project`, in normal form. `address` is the client's. */
  note(project: string, who: Requester | undefined, address: string): void {
    if (this.#parts.days === 0) return
    const day = dayOf(this.#parts.clock.now())
    const name = who?.kind === 'principal' ? who.user : askingNetwork(address)
    const key = `${project} ${day} ${name}`
    const counted = this.#pending.get(key)
    if (counted !== undefined) counted.downloads += 1
    // Strangers make names up as fast as they like: what does not fit is not counted.
    else if (this.#pending.size < TALLY_PENDING) this.#pending.set(key, { project, day, who: name, downloads: 1 })
  }

  /** Writes what was counted since the last time; what cannot be written is kept for the next. */
  async flush(): Promise<void> {
    const batch = [...this.#pending.values()]
    const { store, clock, days } = this.#parts
    // With no days to keep that lets go of what was kept before.
    const prune = clock.now() - this.#prunedAt >= TALLY_PRUNE_MS
    if (batch.length === 0 && !prune) return
    this.#pending = new Map()
    try {
      await store.transaction(async (tx) => {
        await addRows(tx, batch)
        if (prune) await dropOld(tx, firstDay(clock.now(), days))
      }, 'with-the-next')
      if (prune) this.#prunedAt = clock.now()
    } catch (error) {
      for (const { project, day, who, downloads } of batch) {
        const key = `${project} ${day} ${who}`
        const since = this.#pending.get(key)
        if (since === undefined) this.#pending.set(key, { project, day, who, downloads })
        else since.downloads += downloads
      }
      throw error
    }
  }
}

/** Somebody who downloads files of a project. */
export interface Asker {
  /** A user's name, or the network of somebody without one. */
  readonly who: string
  readonly downloads: number
  /** `2026-11-26`. */
  readonly lastDay: string
}

/** Who has downloaded files of `project` since the day `first`, the most first. */
export async function downloadsSince(db: Kysely<Database>, project: string, first: string): Promise<readonly Asker[]> {
  const rows = await db
    .selectFrom('download_tally')
    // A sum of PostgreSQL's is of a type that would arrive as text.
    .select(({ fn }) => ['who', sql<number>`cast(sum(downloads) as bigint)`.as('total'), fn.max('day').as('last')])
    .where('project', '=', project)
    .where('day', '>=', first)
    .groupBy('who')
    .orderBy('total', 'desc')
    .orderBy('who')
    .execute()
  return rows.map(({ who, total, last }) => ({ who, downloads: total, lastDay: last }))
}

/** The first of the last `days` days, today included. */
export function firstDay(now: number, days: number): string {
  return dayOf(now - (days - 1) * 86_400_000)
}

/** The network that an address is counted under: people behind it are told apart by nothing that is kept. */
export function askingNetwork(address: string): string {
  const key = addressKey(address)
  if (isIPv4(key)) return `${key.split('.').slice(0, 3).join('.')}.0/24`
  const groups = key.split(':')
  return groups.length < 3 ? 'elsewhere' : `${groups.slice(0, 3).join(':')}::/48`
}

async function addRows(tx: Transaction<Database>, batch: readonly Counted[]): Promise<void> {
  for (let at = 0; at < batch.length; at += INSERT_CHUNK) {
    const chunk = batch.slice(at, at + INSERT_CHUNK)
    const names = [...new Set(chunk.map(({ project }) => project))]
    // What is ours is nobody's to lose, and what there is no row of was never given out.
    const foreign = await tx
      .selectFrom('project')
      .select('name')
      .where('name', 'in', names)
      .where('authority', '!=', 'internal')
      .execute()
    const counted = new Set(foreign.map(({ name }) => name))
    const rows = chunk.filter(({ project }) => counted.has(project))
    if (rows.length === 0) continue
    await tx
      .insertInto('download_tally')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['project', 'day', 'who'])
          .doUpdateSet({ downloads: sql<number>`download_tally.downloads + excluded.downloads` }),
      )
      .execute()
  }
}

/** Days that are too old, and as many more of the oldest as the bound on rows takes. */
async function dropOld(tx: Transaction<Database>, first: string): Promise<void> {
  await tx.deleteFrom('download_tally').where('day', '<', first).execute()
  for (;;) {
    const rows = await tx
      .selectFrom('download_tally')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('day').as('oldest')])
      .executeTakeFirst()
    if (rows === undefined || rows.count <= TALLY_ROWS) return
    await tx.deleteFrom('download_tally').where('day', '=', rows.oldest).execute()
  }
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}
