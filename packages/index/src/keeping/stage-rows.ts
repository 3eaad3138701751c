import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql, type Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { columnsOf } from '../store/columns.ts'
import { appliedSteps } from '../store/migrations/index.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { streamRows } from '../store/stream-rows.ts'
import type { Manifest, ManifestPart } from './backup-format.ts'
import { backupId, COUNTERS, rowsPart, tableKeys } from './backup-format.ts'
import type { BlobReference } from './referenced-blobs.ts'
import { referencedBlobs } from './referenced-blobs.ts'
import { readLines, writeLines } from './line-file.ts'

/** The rows of one state as files in a folder, and what is known of that state. */
export interface StagedRows {
  readonly state: Pick<Manifest, 'id' | 'at' | 'snapshot' | 'schema' | 'counters'>
  readonly parts: readonly ManifestPart[]
  /** How many blobs the rows speak of. */
  readonly references: number
  /** Those blobs, in the order of their sha256. */
  blobs(): AsyncIterable<BlobReference>
  /** Removes their list, which is no part of the backup. */
  forgetBlobs(): Promise<void>
}

const REFERENCES = 'references.part'

/**
 * Writes every table that a backup has to `folder`, all from one state of the database, which is let go of as soon as
 * that is done: what a server commits meanwhile piles up in SQLite's write-ahead log until then.
 */
export async function stageRows(store: Store, clock: Clock, folder: string): Promise<StagedRows> {
  return await store.consistently(async (snapshot) => {
    const at = isoTime(clock)
    const newest = await snapshot
      .selectFrom('snapshot')
      .select((eb) => eb.fn.max('version').as('version'))
      .executeTakeFirst()
    const number = newest?.version ?? 0
    const parts: ManifestPart[] = []
    for (const [table, keys] of tableKeys()) {
      const name = rowsPart(table)
      const { lines, ...file } = await writeLines(join(folder, name), tableLines(store.kind, snapshot, table, keys))
      parts.push({ name, ...file, rows: lines - 1 })
    }
    const references = await writeLines(join(folder, REFERENCES), referencedBlobs(store.kind, snapshot))
    return {
      state: {
        id: backupId(at, number),
        at,
        snapshot: number,
        schema: await appliedSteps(snapshot),
        counters: {
          file: await lastNumber(store.kind, snapshot, 'file'),
          event: await lastNumber(store.kind, snapshot, 'event'),
          journal: await lastNumber(store.kind, snapshot, 'journal'),
        },
      },
      parts,
      references: references.lines,
      blobs: () => readReferences(join(folder, REFERENCES)),
      forgetBlobs: () => rm(join(folder, REFERENCES)),
    }
  })
}

/** The names of the columns, then each row as its values in that order. */
async function* tableLines(
  kind: Store['kind'],
  snapshot: Transaction<Database>,
  table: keyof Database,
  keys: readonly string[],
): AsyncGenerator<readonly unknown[]> {
  const columns = await columnsOf(snapshot, table)
  yield columns
  let query = snapshot.selectFrom(table).selectAll()
  for (const key of keys) query = query.orderBy(sql.ref(key))
  for await (const row of streamRows<Readonly<Record<string, unknown>>>(kind, snapshot, query)) {
    yield columns.map((column) => row[column])
  }
}

async function lastNumber(
  kind: Store['kind'],
  snapshot: Transaction<Database>,
  table: keyof typeof COUNTERS,
): Promise<number> {
  const last =
    kind === 'sqlite'
      ? sql<{ last: number }>`select seq as last from sqlite_sequence where name = ${table}`
      : sql<{ last: number }>`select case when is_called then last_value else 0 end as last
          from ${sql.table(`${table}_${COUNTERS[table]}_seq`)}`
  const { rows } = await last.execute(snapshot)
  return rows[0]?.last ?? 0
}

async function* readReferences(path: string): AsyncGenerator<BlobReference> {
  // Written a moment ago by this process.
  for await (const reference of readLines(createReadStream(path))) yield reference as BlobReference
}
