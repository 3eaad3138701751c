import type { Store } from '../store/store.ts'
import type { FindingKind } from '../store/schema.ts'

/** What the sentinel knows of one upstream. Times in ISO 8601. */
export interface WatchedList {
  readonly upstream: string
  readonly checkedAt: string
  /** When its list was last read whole; null: never yet. */
  readonly readAt: string | null
  /** How many names it had then. */
  readonly names: number
  /** Names worth telling beyond those that are kept. */
  readonly beyond: number
  /** Null: the last look was well. */
  readonly failingSince: string | null
  readonly reason: string | null
  /** Whether it fails for so long that an event tells of it. */
  readonly silent: boolean
  readonly findings: Readonly<Record<FindingKind, number>>
}

/** A name of an upstream that concerns one of this index. */
export interface ToldFinding {
  readonly upstream: string
  readonly name: string
  readonly kind: FindingKind
  readonly own: string
  readonly since: string
}

/** Every list that was ever asked for, by the upstream's name. */
export async function readLists({ db }: Store): Promise<readonly WatchedList[]> {
  const rows = await db.selectFrom('upstream_list').selectAll().orderBy('upstream').execute()
  const counts = await db
    .selectFrom('upstream_finding')
    .select(({ fn }) => ['upstream', 'kind', fn.countAll<number>().as('count')])
    .groupBy(['upstream', 'kind'])
    .execute()
  const countOf = (upstream: string, kind: FindingKind): number =>
    counts.find((row) => row.upstream === upstream && row.kind === kind)?.count ?? 0
  return rows.map((row) => ({
    upstream: row.upstream,
    checkedAt: row.checked_at,
    readAt: row.read_at,
    names: row.names,
    beyond: row.beyond,
    failingSince: row.failing_since,
    reason: row.reason,
    silent: row.told === 1,
    findings: {
      'upstream-collision': countOf(row.upstream, 'upstream-collision'),
      'upstream-under-namespace': countOf(row.upstream, 'upstream-under-namespace'),
      'upstream-look-alike': countOf(row.upstream, 'upstream-look-alike'),
    },
  }))
}

/** What was found and lasts, by upstream and name. */
export async function readSentinelFindings({ db }: Store): Promise<readonly ToldFinding[]> {
  return await db
    .selectFrom('upstream_finding')
    .select(['upstream', 'name', 'kind', 'own', 'since'])
    .orderBy('upstream')
    .orderBy('name')
    .execute()
}

/** Sentences about lists that nobody can read. */
export function sentinelAttention(lists: readonly WatchedList[]): readonly string[] {
  return lists
    .filter(({ silent }) => silent)
    .map(
      ({ upstream, failingSince, reason }) =>
        `The project list of ${upstream} could not be read since ${failingSince}, so what appears there is not seen: ${reason}`,
    )
}
