import type { Version } from '@waxseal/packaging'
import { canonicalVersionKey, compareVersions, isPrerelease, tryParseVersion } from '@waxseal/packaging'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { RETENTION_BATCH, RETENTION_LISTING_MS, UPDATE_CHUNK } from '../limits.ts'
import type { Store } from '../store/store.ts'

/** How long what is not needed is kept. */
export interface RetentionPolicy {
  /** Of each project of an upstream, the files of so many versions stay stored; undefined: of all. */
  readonly upstreamVersions?: number
  /** Between marking a blob as garbage and deleting it. */
  readonly graceHours: number
  /** For which a page that was replaced is kept, and signed metadata that was superseded. */
  readonly supersededHours: number
  /** Between two collections of a server; 0: never. */
  readonly everyHours: number
}

/** What retention gave up, or would. */
export interface Dropped {
  readonly projects: number
  readonly files: number
  readonly bytes: number
}

interface KeptFile {
  readonly id: number
  readonly version: string
  readonly size: number | null
  readonly stored: number
  readonly withdrawn_at: string | null
  readonly url: string | null
}

/**
 * Gives up the bytes of old versions of upstream files: their rows then say `stored` 0, the page stays as it is, and
 * whoever asks for such a file has it fetched again. Never an uploaded file; never one that its upstream lists no more
 * (ours is the only copy); never one of a project whose listing is older than `RETENTION_LISTING_MS`, or whose upstream
 * is not among `answering`, or does not answer for it: nobody knows whether that could be fetched again.
 */
export async function dropOldVersions(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  answering: readonly string[],
  versions: number,
  { dryRun, held }: { readonly dryRun: boolean; readonly held?: AbortSignal | undefined },
): Promise<Dropped> {
  let projects = 0
  let files = 0
  let bytes = 0
  for await (const { project, source } of believableListings(store, clock, answering)) {
    const rows = await store.db
      .selectFrom('file')
      .select(['id', 'version', 'size', 'stored', 'withdrawn_at', 'url'])
      .where('project', '=', project)
      .where('source', '=', source)
      .execute()
    const old = oldFiles(rows, versions)
    if (old.length === 0) continue
    held?.throwIfAborted()
    projects += 1
    files += old.length
    for (const { size } of old) bytes += size ?? 0
    if (dryRun) continue
    for (let at = 0; at < old.length; at += UPDATE_CHUNK) {
      const ids = old.slice(at, at + UPDATE_CHUNK).map(({ id }) => id)
      // The page says nothing of where the bytes are, so there is nothing to publish. Looked at once more: the upstream
      // may have withdrawn one meanwhile.
      await store.transaction((tx) =>
        tx.updateTable('file').set({ stored: 0 }).where('id', 'in', ids).where('withdrawn_at', 'is', null).execute(),
      )
    }
  }
  return { projects, files, bytes }
}

/** The files whose bytes may go: stored, to be had again, and of a version that is not among those kept. */
export function oldFiles(rows: readonly KeptFile[], versions: number): readonly KeptFile[] {
  const kept = keptVersions(
    rows.filter((row) => row.withdrawn_at === null).map((row) => row.version),
    versions,
  )
  return rows.filter(
    (row) => row.stored === 1 && row.withdrawn_at === null && row.url !== null && !kept.has(publicKey(row.version)),
  )
}

/**
 * The newest `count` versions of those listed, by PEP 440, builds of one version (`+cpu`, `+cu121`) being one. A
 * pre-release takes no place of a final one: those newer than the newest final come on top, as many again at most.
 * What is no version is older than every version.
 */
function keptVersions(listed: readonly string[], count: number): ReadonlySet<string> {
  const finals = new Map<string, Version | undefined>()
  const early = new Map<string, Version>()
  for (const text of listed) {
    const version = tryParseVersion(text)
    if (version !== undefined && isPrerelease(version)) early.set(publicKey(text), publicVersion(version))
    else finals.set(publicKey(text), version && publicVersion(version))
  }
  const newestFinals = [...finals].toSorted(([a, left], [b, right]) => newestFirst(left, right) || (a < b ? 1 : -1))
  const newest = newestFinals[0]?.[1]
  const ahead = [...early]
    .filter(([, version]) => newest === undefined || compareVersions(version, newest) > 0)
    .toSorted(([, left], [, right]) => newestFirst(left, right))
  return new Set([...newestFinals.slice(0, count), ...ahead.slice(0, count)].map(([key]) => key))
}

function newestFirst(left: Version | undefined, right: Version | undefined): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined)
  return compareVersions(right, left)
}

function publicVersion(version: Version): Version {
  return version.local.length === 0 ? version : { ...version, local: [] }
}

function publicKey(text: string): string {
  const version = tryParseVersion(text)
  return version === undefined ? `raw:${text}` : canonicalVersionKey(publicVersion(version))
}

/** Projects that one of `answering` answers for and has listed not long ago. A time from the future is a wrong clock's. */
async function* believableListings(
  { db }: Store,
  clock: Clock,
  answering: readonly string[],
): AsyncIterable<{ readonly project: string; readonly source: string }> {
  if (answering.length === 0) return
  for (let after = ''; ;) {
    const some = await db
      .selectFrom('upstream_page')
      .innerJoin('project', (join) =>
        join
          .onRef('project.name', '=', 'upstream_page.project')
          .onRef('project.upstream', '=', 'upstream_page.upstream'),
      )
      .select(['upstream_page.project', 'upstream_page.upstream as source'])
      .where('upstream_page.project', '>', after)
      .where('upstream_page.upstream', 'in', answering)
      .where('project.authority', '<>', 'internal')
      .where('checked_at', '>=', new Date(clock.now() - RETENTION_LISTING_MS).toISOString())
      .where('checked_at', '<=', isoTime(clock))
      .orderBy('upstream_page.project')
      .limit(RETENTION_BATCH)
      .execute()
    yield* some
    const last = some.at(-1)
    if (last === undefined) return
    after = last.project
  }
}
