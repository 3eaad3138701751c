import type { Transaction } from 'kysely'
import { sql } from 'kysely'
import { UPDATE_CHUNK } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { streamRows } from '../store/stream-rows.ts'
import type { BlobUse } from './referenced-blobs.ts'
import { FILE_PARTS, PAGE_PARTS } from './referenced-blobs.ts'

/** A row that speaks of a blob. */
export interface Mention extends BlobUse {
  /** Of a file's row; null of a page's. */
  readonly id: number | null
  readonly uploader: string | null
}

/**
 * The rows that speak of each of `wanted`, in one pass over the tables: most columns that name blobs have no index, and
 * a look-up for each of thousands of damaged blobs would read everything thousands of times.
 */
export async function mentionsOf(
  store: Store,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly Mention[]>> {
  const mentions = new Map<string, Mention[]>()
  if (wanted.size === 0) return mentions
  const note = (sha256: string | null, mention: Mention): void => {
    if (sha256 === null || !wanted.has(sha256)) return
    const known = mentions.get(sha256)
    if (known === undefined) mentions.set(sha256, [mention])
    else known.push(mention)
  }
  await store.consistently(async (snapshot) => {
    for await (const { id, project, filename, stored, uploader, ...row } of files(store, snapshot)) {
      for (const [part, column] of FILE_PARTS) {
        if (part !== 'file' || stored === 1) note(row[column], { id, project, part, filename, uploader })
      }
    }
    for (const [part, table] of PAGE_PARTS) {
      const pages = snapshot.selectFrom(table).select(['project', 'body_sha256'])
      for await (const { project, body_sha256 } of streamRows(store.kind, snapshot, pages))
        note(body_sha256, { id: null, project, part, uploader: null })
    }
  })
  return mentions
}

function files({ kind }: Store, snapshot: Transaction<Database>) {
  const named = snapshot
    .selectFrom('file')
    .select(['id', 'project', 'filename', 'stored', 'uploaded_by as uploader'])
    .select(['sha256', 'metadata_sha256', 'attestations_sha256'])
    .where('deleted_at', 'is', null)
  return streamRows(kind, snapshot, named)
}

/** Whether a row still needs this blob to be there: one of `mentions`, or a file that came since. */
export async function isSpokenOf({ db }: Store, sha256: string, mentions: readonly Mention[]): Promise<boolean> {
  const live = db
    .selectFrom('file')
    .select(sql<number>`1`.as('one'))
    .where('deleted_at', 'is', null)
    .limit(1)
  const file = await live.where('sha256', '=', sha256).where('stored', '=', 1).executeTakeFirst()
  if (file !== undefined) return true
  const ids = mentions.flatMap(({ id, part }) => (id === null || part === 'file' ? [] : [id]))
  for (let at = 0; at < ids.length; at += UPDATE_CHUNK) {
    const beside = await live
      .where('id', 'in', ids.slice(at, at + UPDATE_CHUNK))
      .where((eb) =>
        eb.or([
          eb.and([eb('metadata_sha256', '=', sha256), eb('source', '=', LOCAL_SOURCE)]),
          eb('attestations_sha256', '=', sha256),
        ]),
      )
      .executeTakeFirst()
    if (beside !== undefined) return true
  }
  for (const [part, table] of PAGE_PARTS) {
    for (const { project } of mentions.filter((mention) => mention.part === part)) {
      const page = await db
        .selectFrom(table)
        .select('project')
        .where('project', '=', project)
        .where('body_sha256', '=', sha256)
        .limit(1)
        .executeTakeFirst()
      if (page !== undefined) return true
    }
  }
  return false
}
