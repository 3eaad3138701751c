import type { Kysely, Transaction } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../store/schema.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { streamRows } from '../store/stream-rows.ts'

/** A blob that rows speak of. */
export interface BlobReference {
  readonly sha256: string
  /** 1: it has to be there. 0: it may be (the sidecar of an upstream's file that somebody asked for already). */
  readonly required: number
  /** Its size where a row tells it. */
  readonly size: number | null
}

/**
 * Every blob that the rows of this state speak of, once each, in the order of their sha256: whatever else is in the blob
 * store is garbage. The one place that knows which columns name blobs. A deleted file's bytes, and those of an upstream's
 * file that is not kept (`stored` 0), are not spoken of. To be called within `Store.consistently`.
 */
export function referencedBlobs(
  kind: Store['kind'],
  snapshot: Transaction<Database>,
): AsyncGenerator<BlobReference, void, undefined> {
  return streamRows(kind, snapshot, references(snapshot))
}

/** Those of `wanted` that rows speak of at this moment: one pass over the tables, for most columns have no index. */
export async function stillReferenced({ db }: Store, wanted: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await references(db).where('named.sha256', 'in', wanted).execute()
  return new Set(rows.map(({ sha256 }) => sha256))
}

/** Written out, because a cursor's query binds no parameter. */
const required = sql<number>`1`.as('required')
const unsized = sql<number | null>`null`.as('size')
const requiredHere = sql<number>`case when source = ${sql.lit(LOCAL_SOURCE)} then 1 else 0 end`.as('required')

function references(db: Kysely<Database>) {
  const files = db.selectFrom('file').where('deleted_at', 'is', null)
  const named = files
    .where('stored', '=', sql.lit(1))
    .select(['sha256', required, 'size'])
    .unionAll(files.select(['metadata_sha256 as sha256', requiredHere, unsized]))
    .unionAll(files.select(['attestations_sha256 as sha256', required, unsized]))
    .unionAll(db.selectFrom('page').select(['body_sha256 as sha256', required, unsized]))
    .unionAll(db.selectFrom('superseded_page').select(['body_sha256 as sha256', required, unsized]))
  return db
    .selectFrom(named.as('named'))
    .select((eb) => [
      eb.ref('named.sha256').$notNull().as('sha256'),
      eb.fn.max<number>('named.required').as('required'),
      eb.fn.max<number | null>('named.size').as('size'),
    ])
    .where('named.sha256', 'is not', null)
    .groupBy('named.sha256')
    .orderBy('named.sha256')
}

/** What of a project a blob holds. */
export interface BlobUse {
  readonly project: string
  readonly part: 'file' | 'metadata' | 'attestations' | 'page' | 'superseded-page'
  /** For what belongs to a file. */
  readonly filename?: string
}

/** The columns that name blobs; `references` above knows them too. */
export const FILE_PARTS = [
  ['file', 'sha256'],
  ['metadata', 'metadata_sha256'],
  ['attestations', 'attestations_sha256'],
] as const

export const PAGE_PARTS = [
  ['page', 'page'],
  ['superseded-page', 'superseded_page'],
] as const
