import { stat } from 'node:fs/promises'
import { z } from 'zod'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { isMissing } from '../blobs/durable.ts'
import type { Leftovers } from '../blobs/leftovers.ts'
import { NO_LEFTOVERS, sweepParts } from '../blobs/leftovers.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { SUPERSEDED_HOURS, SWEEP_ROUND } from '../limits.ts'
import { withLease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import { answeringUpstreams } from './answering-upstreams.ts'
import { dropOldEvents } from './drop-old-events.ts'
import { dropOldMetadata } from './drop-old-metadata.ts'
import { dropOldPages } from './drop-old-pages.ts'
import type { Amount, Marking } from './mark-garbage.ts'
import { amountOf, markGarbage } from './mark-garbage.ts'
import type { Dropped, RetentionPolicy } from './retention.ts'
import { dropOldVersions } from './retention.ts'
import { sweepGarbage } from './sweep-garbage.ts'
import { takeBack } from './take-back.ts'

const HOUR_MS = 3_600_000

export interface CollectParts {
  readonly store: Store
  readonly blobs: DirectoryBlobStore
  readonly clock: Clock
  /** The folder of what is being received. */
  readonly spoolDir: string
  readonly policy: RetentionPolicy
  /** Upstreams that can be asked again for what retention gives up: none while offline. */
  readonly upstreams: readonly string[]
}

/** What one collection did, or with `dryRun` would do. */
export interface Collection {
  readonly dryRun: boolean
  readonly at: string
  /** Files that were given up before and could not be fetched again: they stay. */
  readonly takenBack: number
  /** Old versions of upstream files whose bytes were given up; undefined without a rule. */
  readonly dropped: Dropped | undefined
  /** Pages that were replaced long enough ago. */
  readonly supersededPages: number
  /** Versions of signed metadata that were superseded long enough ago. */
  readonly supersededMetadata: number
  /** Events that strangers caused long ago, or too many of. */
  readonly oldEvents: number
  /** What processes that are gone left half-written. */
  readonly leftovers: Leftovers
  readonly garbage: Omit<Marking, 'condemned'> & { readonly swept: Amount }
}

export interface CollectOptions {
  readonly dryRun?: boolean
  readonly progress?: ((blobs: number) => void) | undefined
}

/**
 * Frees what is not needed: retention gives up old versions, old pages go, and of the blobs that nothing refers to then
 * those are deleted that were marked a grace period ago (design.md section 5: mark, grace, sweep). Beside running servers.
 *
 * @throws IndexError `conflict` when a backup, a restore, a repair or another collection runs
 */
export function collectGarbage(parts: CollectParts, options: CollectOptions = {}): Promise<Collection> {
  // Looking changes nothing, and need not wait for anybody.
  if (options.dryRun === true) return collect(parts, options)
  return withLease(parts.store, parts.clock, { name: 'keeping', by: 'gc' }, async (held) => {
    const collection = await collect(parts, options, held)
    await record(parts.store, collection)
    return collection
  })
}

async function collect(parts: CollectParts, options: CollectOptions, held?: AbortSignal): Promise<Collection> {
  const { store, blobs, clock, policy } = parts
  const { dryRun = false, progress } = options
  const versions = policy.upstreamVersions
  const answering = await answeringUpstreams(store, clock, parts.upstreams)
  const takenBack = await takeBack(parts, answering, { dryRun, held })
  const dropped =
    versions === undefined ? undefined : await dropOldVersions(parts, answering, versions, { dryRun, held })
  const hours = Math.max(policy.supersededHours, SUPERSEDED_HOURS)
  const cutoff = new Date(clock.now() - hours * HOUR_MS).toISOString()
  // Before the pages: as long as a bin can be asked for, so can the pages that it lists.
  const supersededMetadata = await dropOldMetadata(store, cutoff, { dryRun, held })
  const supersededPages = await dropOldPages(store, cutoff, { dryRun, held })
  const oldEvents = await dropOldEvents(parts, { dryRun, held })
  const spooled = await sweepSpool(parts.spoolDir, dryRun)
  const stored = await blobs.sweepLeftovers({ dryRun })
  const marking = { graceMs: policy.graceHours * HOUR_MS, dryRun, limit: SWEEP_ROUND, held, progress }
  const swept = { blobs: 0, bytes: 0 }
  let first: Omit<Marking, 'condemned'> | undefined
  for (;;) {
    const { condemned, ...marked } = await markGarbage({ store, blobs, clock }, marking)
    // Later rounds only sweep what the first left over.
    first ??= marked
    const gone = dryRun ? amountOf(condemned) : await sweepGarbage(parts, condemned, held)
    swept.blobs += gone.blobs
    swept.bytes += gone.bytes
    if (dryRun || condemned.length < SWEEP_ROUND) {
      const leftovers = { files: spooled.files + stored.files, bytes: spooled.bytes + stored.bytes }
      return {
        dryRun,
        at: isoTime(clock),
        takenBack,
        dropped,
        supersededPages,
        supersededMetadata,
        oldEvents,
        leftovers,
        garbage: { ...first, swept },
      }
    }
  }
}

async function sweepSpool(folder: string, dryRun: boolean): Promise<Leftovers> {
  try {
    await stat(folder)
  } catch (error) {
    if (isMissing(error)) return NO_LEFTOVERS
    throw error
  }
  return await sweepParts(folder, { dryRun })
}

const LAST = 'last-collection'

/** Notes the collection for `waxseal status` and for the servers, which wait for the next from then on. */
async function record(store: Store, collection: Collection): Promise<void> {
  const value = JSON.stringify(collection)
  const { at, garbage, dropped } = collection
  await store.transaction(async (tx) => {
    await tx
      .insertInto('setting')
      .values({ key: LAST, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute()
    const event = { at, actor: null, project: null }
    if (dropped !== undefined && dropped.files > 0) {
      const { files, bytes } = dropped
      await recordEvent(tx, { ...event, kind: 'retention-applied', detail: { files, bytes } })
    }
    const { blobs: files, bytes } = garbage.swept
    if (files > 0) await recordEvent(tx, { ...event, kind: 'garbage-swept', detail: { files, bytes } })
  })
}

const recorded = z.object({
  at: z.string(),
  garbage: z.object({
    swept: z.object({ blobs: z.number(), bytes: z.number() }),
    waiting: z.object({ blobs: z.number(), bytes: z.number() }),
    nextSweepAt: z.string().optional(),
  }),
})

/** The last collection that was no dry run; undefined before the first. */
export async function lastCollection(store: Store): Promise<z.infer<typeof recorded> | undefined> {
  const row = await store.db.selectFrom('setting').select('value').where('key', '=', LAST).executeTakeFirst()
  return row === undefined ? undefined : recorded.parse(JSON.parse(row.value))
}
