import { createHash } from 'node:crypto'
import { withLease } from '../store/lease.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { forgetUpstreams, lookAtUpstream } from './look-at-upstream.ts'
import type { Look, LookParts } from './look-at-upstream.ts'
import { readOwnNames } from './own-names.ts'

export interface SentinelParts extends LookParts {
  readonly names: NamesConfig
  /** Those whose lists are read. */
  readonly upstreams: readonly Upstream[]
  /** Those whose lists are to be read, by whoever can: what was found at any other has ended. */
  readonly watched: readonly string[]
}

export interface SentinelRun {
  /** Only lists that were last asked for so long ago; absent: all. */
  readonly dueMs?: number
  readonly stopped?: AbortSignal
  /** Told how many names of an upstream's list have come. */
  readonly onNames?: (upstream: string, names: number) => void
}

/**
 * Looks at the lists of upstreams, one after the other. Of all processes on a database one does.
 *
 * @throws IndexError `conflict` while another does
 */
export async function runSentinel(parts: SentinelParts, run: SentinelRun): Promise<readonly Look[]> {
  const { store, clock, names } = parts
  if (!(await isAnyDue(parts, run))) return []
  return await withLease(store, clock, { name: 'sentinel', by: 'sentinel' }, async (lost) => {
    const stopped = run.stopped === undefined ? lost : AbortSignal.any([run.stopped, lost])
    const due = await dueOf(parts, run)
    await forgetUpstreams(parts, parts.watched)
    const looks: Look[] = []
    for (const upstream of due) {
      const { name } = upstream.config
      const onNames = run.onNames
      const told = onNames === undefined ? undefined : (count: number) => onNames(name, count)
      // Anew for each: a list may take minutes, in which names are claimed.
      const own = await readOwnNames(store, names)
      looks.push(await lookAtUpstream(parts, upstream, own, { stopped, onNames: told }))
    }
    return looks
  })
}

async function isAnyDue(parts: SentinelParts, run: SentinelRun): Promise<boolean> {
  if (run.dueMs === undefined || (await dueOf(parts, run)).length > 0) return true
  const rows = await parts.store.db.selectFrom('upstream_list').select('upstream').execute()
  return rows.some(({ upstream }) => !parts.watched.includes(upstream))
}

async function dueOf({ store, clock, upstreams }: SentinelParts, { dueMs }: SentinelRun): Promise<readonly Upstream[]> {
  if (dueMs === undefined) return upstreams
  const rows = await store.db.selectFrom('upstream_list').select(['upstream', 'checked_at']).execute()
  return upstreams.filter(({ config: { name } }) => {
    const at = rows.find((row) => row.upstream === name)?.checked_at
    if (at === undefined) return true
    const sinceMs = clock.now() - Date.parse(at)
    // A last time that is in the future is from a clock that was wrong.
    return sinceMs < 0 || sinceMs >= dueMs * spread(`${name} ${at}`)
  })
}

/** From 0.9 to 1.1, another one each time: indexes that were started together do not ask together for ever. */
function spread(of: string): number {
  return 0.9 + (0.2 * createHash('sha256').update(of).digest().readUInt16BE()) / 0xffff
}
