import { createHash } from 'node:crypto'
import { PackagingError } from '@waxseal/packaging'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Spool } from '../blobs/spool.ts'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { PageBodies } from '../publish/page-bodies.ts'
import type { Publishing } from '../publish/leave-to-server.ts'
import { inspectArchive } from '../releases/inspect-archive.ts'
import type { FileRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Mention } from './blob-mentions.ts'
import { isSpokenOf } from './blob-mentions.ts'
import type { Repair } from './doctor-findings.ts'
import { findBlob, lossOf } from './pool-blobs.ts'
import { fromUpstream } from './repair-from-upstream.ts'

export interface RepairParts {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly publisher: Publishing
  readonly bodies: PageBodies
  readonly spool: Spool
  /** The names of all upstreams that are configured: what is not had from them now may be later. */
  readonly configured: ReadonlySet<string>
  /** Those of them that may be asked. */
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** The blobs of a backup. */
  readonly backup: BlobStore | undefined
  /** Aborts when another process has taken over: nothing more may be changed. */
  readonly held: AbortSignal
}

/**
 * Brings one blob back that is missing or damaged. Damaged bytes are set aside first, never deleted. Then, in order: a
 * backup's; the page from its rows; the sidecar from its wheel; the file from its upstream, or the word that it is not
 * stored, where its upstream may give it later. What none of them has is lost, and nothing about it is changed.
 * `mentions`: the rows that speak of it.
 */
export function repairBlob(parts: RepairParts, sha256: string, mentions: readonly Mention[]): Promise<Repair> {
  parts.held.throwIfAborted()
  return orWhyNot(() => repair(parts, sha256, mentions))
}

/** Where the disk or its rights keep one thing from being mended, others can be all the same. */
export async function orWhyNot(work: () => Promise<Repair>): Promise<Repair> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof IndexError) || error.code !== 'storage-failed') throw error
    return { done: false, how: error.message.replace(/\.$/, '') }
  }
}

async function repair(parts: RepairParts, sha256: string, mentions: readonly Mention[]): Promise<Repair> {
  const place = await parts.blobs.setAside(sha256)
  const aside = place === undefined ? '' : `; what was there is in ${place}`
  if ((await parts.blobs.head(sha256)) !== undefined) return { done: true, how: 'it is whole by now' }
  for (const attempt of [fromBackup, fromRows, fromWheel]) {
    const how = await attempt(parts, sha256, mentions)
    if (how !== undefined) return { done: true, how: how + aside }
  }
  const asked = await fromUpstream(parts, sha256, mentions)
  if (asked?.done === true) return { done: true, how: asked.how + aside }
  if (!(await isSpokenOf(parts.store, sha256, mentions))) return { done: true, how: `nothing speaks of it${aside}` }
  const why = asked?.how ?? 'nothing else does'
  return { done: false, how: `it is lost: no backup was given that has it, and ${why}${aside}` }
}

/** A blob out of the backup, put in its place; undefined: the backup has it not, or not whole, or may not be read. */
export async function fromBackup({ backup, blobs }: RepairParts, sha256: string): Promise<string | undefined> {
  const blob = backup === undefined ? 'absent' : await findBlob(backup, sha256)
  if (typeof blob === 'string') return undefined
  try {
    await blobs.put(sha256, blob.stream())
  } catch (error) {
    lossOf(error)
    return undefined
  }
  return 'taken from the backup'
}

async function fromRows(
  { store, blobs, bodies }: RepairParts,
  sha256: string,
  mentions: readonly Mention[],
): Promise<string | undefined> {
  let restored = 0
  let forgotten = 0
  for (const { project, part } of mentions) {
    if (part === 'page') {
      const pages = store.db.selectFrom('page').selectAll().where('project', '=', project)
      const page = await pages.where('body_sha256', '=', sha256).executeTakeFirst()
      if (page === undefined) continue
      await bodies.restore(page)
      restored += 1
    }
    if (part === 'page' || part === 'superseded-page') forgotten += await forgetOldPages(store, project, sha256)
  }
  if (restored > 0)
    return (await blobs.head(sha256)) === undefined ? 'the page was published anew' : 'the page was rendered again'
  return forgotten > 0 && !(await isSpokenOf(store, sha256, mentions))
    ? 'a replaced page, forgotten a little early'
    : undefined
}

/** A page from before is asked for by clients with an older snapshot alone, for a day; what is lost cannot be given to them. */
async function forgetOldPages(store: Store, project: string, sha256: string): Promise<number> {
  const { numDeletedRows } = await store.transaction((tx) =>
    tx
      .deleteFrom('superseded_page')
      .where('project', '=', project)
      .where('body_sha256', '=', sha256)
      .executeTakeFirstOrThrow(),
  )
  return Number(numDeletedRows)
}

async function fromWheel(
  { store, blobs }: RepairParts,
  sha256: string,
  mentions: readonly Mention[],
): Promise<string | undefined> {
  for (const { id, part } of mentions) {
    if (id === null || part !== 'metadata') continue
    const row = await store.db
      .selectFrom('file')
      .selectAll()
      .where('id', '=', id)
      .where('metadata_sha256', '=', sha256)
      .where('stored', '=', 1)
      .where('kind', '=', 'wheel')
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    const bytes = row && (await metadataOf(blobs, row))
    if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== sha256) continue
    await blobs.put(sha256, bytes)
    return `extracted again from ${row?.filename}`
  }
  return undefined
}

async function metadataOf(blobs: BlobStore, row: FileRow): Promise<Uint8Array | undefined> {
  const blob = row.sha256 === null ? undefined : await blobs.get(row.sha256)
  if (blob?.path === undefined) return undefined
  const { kind, filename, project, version } = row
  try {
    const inspected = await inspectArchive({ path: blob.path, size: blob.size, kind, filename, project, version })
    return inspected.kind === 'inspected' ? inspected.metadataBytes : undefined
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
