import { IndexError } from '../error.ts'

/** A value of a row as both databases hold it. */
export type Value = string | number | null

/** The rows of one table out of a backup. */
export interface TableRows {
  readonly columns: readonly string[]
  readonly rows: AsyncIterable<readonly Value[]>
}

/**
 * Reads what `stageRows` wrote: the names of the columns, then rows of as many values.
 *
 * @throws IndexError `backup-damaged`, also while `rows` is read
 */
export async function tableRows(name: string, lines: AsyncGenerator<unknown, void, undefined>): Promise<TableRows> {
  const first = await lines.next()
  const columns = first.done ? undefined : stringsOf(first.value)
  if (columns === undefined) throw new IndexError('backup-damaged', `${name} does not begin with the table's columns.`)
  async function* rows(count: number): AsyncGenerator<readonly Value[]> {
    for await (const line of lines) {
      const row = valuesOf(line)
      if (row?.length !== count) throw new IndexError('backup-damaged', `${name} has a line that is no row.`)
      yield row
    }
  }
  return { columns, rows: rows(columns.length) }
}

function stringsOf(line: unknown): readonly string[] | undefined {
  return Array.isArray(line) && line.every((item) => typeof item === 'string') ? line : undefined
}

function valuesOf(line: unknown): readonly Value[] | undefined {
  return Array.isArray(line) && line.every(isValue) ? line : undefined
}

function isValue(value: unknown): value is Value {
  return value === null || typeof value === 'string' || Number.isSafeInteger(value)
}
