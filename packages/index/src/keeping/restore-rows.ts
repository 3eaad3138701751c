import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { sql, type Kysely, type Transaction } from 'kysely'
import { IndexError } from '../error.ts'
import { INSERT_CHUNK } from '../limits.ts'
import { columnsOf } from '../store/columns.ts'
import type { Database } from '../store/schema.ts'
import type { Manifest, OnProgress } from './backup-format.ts'
import { rowsPart, tableKeys } from './backup-format.ts'
import type { Value } from './backup-rows.ts'
import { tableRows } from './backup-rows.ts'
import { readLines } from './line-file.ts'

/**
 * Inserts every row of the parts that are staged in `folder`, into tables of the schema that the backup had.
 *
 * @throws IndexError `backup-damaged` when a table has other columns than its rows
 */
export async function insertRows(
  tx: Transaction<Database>,
  manifest: Manifest,
  folder: string,
  onProgress?: OnProgress,
): Promise<void> {
  const total = manifest.parts.reduce((sum, part) => sum + part.rows, 0)
  let done = 0
  for (const [table] of tableKeys()) {
    const part = manifest.parts.find(({ name }) => name === rowsPart(table))
    if (part === undefined) continue
    const { columns, rows } = await tableRows(part.name, readLines(createReadStream(join(folder, part.name))))
    const known = await columnsOf(tx, table)
    if (columns.length !== known.length || columns.some((column) => !known.includes(column))) {
      throw new IndexError('backup-damaged', `${part.name} has other columns than the table: ${columns.join(', ')}.`)
    }
    let chunk: (readonly Value[])[] = []
    const flush = async (): Promise<void> => {
      if (chunk.length > 0) await insert(tx, table, columns, chunk)
      onProgress?.((done += chunk.length), total, 'rows')
      chunk = []
    }
    for await (const row of rows) {
      chunk.push(row)
      if (chunk.length === INSERT_CHUNK) await flush()
    }
    await flush()
  }
}

/** Tables to which neither new numbers nor publishing add a row. */
const SETTLED = ['project', 'release', 'file', 'upstream_page', 'decision', 'user', 'token'] as const

/**
 * Looks whether a restored index has all rows of its backup, before it becomes one.
 *
 * @throws IndexError `conflict`
 */
export async function requireRows(db: Kysely<Database>, { parts }: Manifest): Promise<void> {
  for (const table of SETTLED) {
    const wanted = parts.find(({ name }) => name === rowsPart(table))?.rows ?? 0
    const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)}`.execute(db)
    const found = Number(rows[0]?.rows)
    if (found === wanted) continue
    throw new IndexError(
      'conflict',
      `Another process has changed what was restored: ${table} has ${found} rows, not ${wanted}. Empty the folder and the database, and restore again.`,
    )
  }
}

async function insert(
  tx: Transaction<Database>,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column)))
  const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`))
  await sql`insert into ${sql.table(table)} (${names}) values ${values}`.execute(tx)
}
