import type { Selectable } from 'kysely'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import {
  SENTINEL_BATCH,
  SENTINEL_FINDINGS,
  SENTINEL_SHRUNK_MS,
  SENTINEL_SHRUNK_PART,
  SENTINEL_SILENT_MS,
} from '../limits.ts'
import type { UpstreamFindingTable, UpstreamListTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import type { EventDetails } from '../telemetry/events.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { NameComparison } from './compare-names.ts'
import type { NameFinding } from './compare-names.ts'
import type { OwnNames } from './own-names.ts'
import { digestOf } from './own-names.ts'

export interface LookParts {
  readonly store: Store
  readonly clock: Clock
}

/** What one look came to. */
export type Look =
  | { readonly upstream: string; readonly kind: 'unchanged' }
  | {
      readonly upstream: string
      readonly kind: 'read'
      readonly names: number
      readonly told: number
      readonly gone: number
    }
  | { readonly upstream: string; readonly kind: 'failed'; readonly reason: string }

type ListRow = Selectable<UpstreamListTable>
type FindingRow = Selectable<UpstreamFindingTable>
type GoneWhy = EventDetails['upstream-collision-gone']['why']

/**
 * Reads the list of an upstream's projects, and tells by events what of it concerns `own` names: once for each name, and once
 * more when that has ended. The upstream is asked for the whole list, never for a name (attacks.md DC-17, DC-19). When
 * `stopped` aborts, nothing more is written: what was told stays told.
 */
export async function lookAtUpstream(
  { store, clock }: LookParts,
  upstream: Upstream,
  own: OwnNames,
  { stopped, onNames }: { readonly stopped: AbortSignal; readonly onNames?: ((names: number) => void) | undefined },
): Promise<Look> {
  const { name } = upstream.config
  const { db } = store
  const before = await db.selectFrom('upstream_list').selectAll().where('upstream', '=', name).executeTakeFirst()
  const known = await readFindings(store, name)
  const comparison = new NameComparison(own, new Set(known.keys()), SENTINEL_FINDINGS)
  const digest = digestOf(own)
  const answer = await upstream.fetchProjectList(
    (names) => {
      comparison.take(names)
      onNames?.(comparison.names)
    },
    before?.own_sha256 === digest ? validatorsOf(before) : {},
    stopped,
  )
  stopped.throwIfAborted()
  const now = isoTime(clock)
  const row = before ?? firstRow(name, now)
  switch (answer.kind) {
    case 'failed':
      await save(store, clock, {
        ...row,
        checked_at: now,
        failing_since: row.failing_since ?? now,
        reason: answer.reason,
      })
      return { upstream: name, kind: 'failed', reason: answer.reason }
    case 'not-modified':
      await save(store, clock, { ...row, ...WELL, checked_at: now, read_at: now })
      return { upstream: name, kind: 'unchanged' }
    case 'found': {
      const { found, names, beyond } = comparison
      const told = await tellFound(store, now, name, found, known, stopped)
      const shrunkSince = names < row.names * SENTINEL_SHRUNK_PART ? (row.shrunk_since ?? now) : null
      if (shrunkSince !== null && clock.now() - Date.parse(shrunkSince) < SENTINEL_SHRUNK_MS) {
        // A broken server's empty list is no reason to believe that all is well again.
        const reason = `It lists ${names} projects, where it listed ${row.names}.`
        const failing = { failing_since: row.failing_since ?? now, reason, shrunk_since: shrunkSince }
        await save(store, clock, { ...row, ...failing, checked_at: now })
        return { upstream: name, kind: 'failed', reason }
      }
      const ended = [...known.values()].filter((one) => found.get(one.name)?.kind !== one.kind)
      await tellGone(
        store,
        now,
        ended,
        (one) => (found.has(one.name) || !isOwn(one, own) ? 'changed' : 'unlisted'),
        stopped,
      )
      const validators = { etag: answer.etag ?? null, last_modified: answer.lastModified ?? null }
      const read = { ...validators, checked_at: now, read_at: now, names, beyond, own_sha256: digest }
      await save(store, clock, { ...row, ...WELL, ...read })
      return { upstream: name, kind: 'read', names, told, gone: ended.length }
    }
  }
}

/** Ends what was found at upstreams that are not watched any more. */
export async function forgetUpstreams({ store, clock }: LookParts, watched: readonly string[]): Promise<void> {
  const rows = await store.db.selectFrom('upstream_list').select('upstream').execute()
  for (const { upstream } of rows.filter((row) => !watched.includes(row.upstream))) {
    const known = await readFindings(store, upstream)
    await tellGone(store, isoTime(clock), [...known.values()], () => 'not-asked', new AbortController().signal)
    await store.transaction((tx) => tx.deleteFrom('upstream_list').where('upstream', '=', upstream).execute())
  }
}

const WELL = { failing_since: null, reason: null, shrunk_since: null }

function firstRow(upstream: string, now: string): ListRow {
  const nothing = { read_at: null, names: 0, beyond: 0, etag: null, last_modified: null, own_sha256: null }
  return { upstream, checked_at: now, ...nothing, ...WELL, told: 0 }
}

function validatorsOf({ etag, last_modified }: ListRow): { readonly etag?: string; readonly lastModified?: string } {
  return { ...(etag === null ? {} : { etag }), ...(last_modified === null ? {} : { lastModified: last_modified }) }
}

async function readFindings({ db }: Store, upstream: string): Promise<ReadonlyMap<string, FindingRow>> {
  const rows = await db
    .selectFrom('upstream_finding')
    .selectAll()
    .where('upstream', '=', upstream)
    .orderBy('name')
    .execute()
  return new Map(rows.map((row) => [row.name, row]))
}

/** Whether it would be told of again if it were listed. */
function isOwn({ kind, own }: FindingRow, { internal, prefixes }: OwnNames): boolean {
  return kind === 'upstream-under-namespace' ? prefixes.has(own) : internal.has(own)
}

/** Writes the row, with an event where the list begins to be unreadable for long, or is read again after that. */
async function save(store: Store, clock: Clock, row: ListRow): Promise<void> {
  const { upstream, failing_since: since, reason } = row
  const isSilent = since !== null && clock.now() - Date.parse(since) >= SENTINEL_SILENT_MS
  const about = { at: isoTime(clock), actor: null, project: null }
  await store.transaction(async (tx) => {
    const before = await tx
      .selectFrom('upstream_list')
      .select(['told', 'failing_since'])
      .where('upstream', '=', upstream)
      .executeTakeFirst()
    const wasTold = before?.told === 1
    const told = since !== null && (wasTold || isSilent) ? 1 : 0
    const { upstream: _key, ...values } = { ...row, told }
    await tx
      .insertInto('upstream_list')
      .values({ upstream, ...values })
      .onConflict((conflict) => conflict.column('upstream').doUpdateSet(values))
      .execute()
    if (told === 1 && !wasTold && since !== null) {
      const detail = { upstream, since, reason: reason ?? '' }
      await recordEvent(tx, { ...about, kind: 'upstream-list-failing', detail })
    }
    if (told === 0 && wasTold) {
      const detail = { upstream, since: before.failing_since ?? '' }
      await recordEvent(tx, { ...about, kind: 'upstream-list-recovered', detail })
    }
  })
}

/** Notes and tells what is new; how much that was. */
async function tellFound(
  store: Store,
  at: string,
  upstream: string,
  found: ReadonlyMap<string, NameFinding>,
  known: ReadonlyMap<string, FindingRow>,
  stopped: AbortSignal,
): Promise<number> {
  const fresh = [...found].filter(([name, { kind }]) => known.get(name)?.kind !== kind)
  for (const some of inBatches(fresh)) {
    stopped.throwIfAborted()
    await store.transaction(async (tx) => {
      for (const [name, { kind, own }] of some) {
        const before = known.get(name)
        if (before !== undefined) await recordEvent(tx, goneEvent(before, at, 'changed'))
        await tx
          .insertInto('upstream_finding')
          .values({ upstream, name, kind, own, since: at })
          .onConflict((conflict) => conflict.columns(['upstream', 'name']).doUpdateSet({ kind, own, since: at }))
          .execute()
        await recordEvent(tx, {
          kind,
          ...aboutName({ upstream, name, kind, own }, at),
          detail: { upstream, name, own },
        })
      }
    })
  }
  return fresh.length
}

async function tellGone(
  store: Store,
  at: string,
  ended: readonly FindingRow[],
  why: (finding: FindingRow) => GoneWhy,
  stopped: AbortSignal,
): Promise<void> {
  for (const some of inBatches(ended)) {
    stopped.throwIfAborted()
    await store.transaction(async (tx) => {
      for (const finding of some) {
        const { upstream, name, kind } = finding
        const { numDeletedRows } = await tx
          .deleteFrom('upstream_finding')
          .where('upstream', '=', upstream)
          .where('name', '=', name)
          .where('kind', '=', kind)
          .executeTakeFirst()
        // It is another kind of finding now, and that this one ended was told with it.
        if (numDeletedRows > 0n) await recordEvent(tx, goneEvent(finding, at, why(finding)))
      }
    })
  }
}

function goneEvent(finding: FindingRow, at: string, why: GoneWhy) {
  const { upstream, name, own, kind } = finding
  return { kind: `${kind}-gone` as const, ...aboutName(finding, at), detail: { upstream, name, own, why } }
}

/** Under a look-alike the people of the name that it looks like search. */
function aboutName({ upstream, name, kind, own }: Omit<FindingRow, 'since'>, at: string) {
  return { at, actor: `upstream:${upstream}`, project: kind === 'upstream-look-alike' ? own : name }
}

function inBatches<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / SENTINEL_BATCH) }, (_, at) =>
    all.slice(at * SENTINEL_BATCH, (at + 1) * SENTINEL_BATCH),
  )
}
