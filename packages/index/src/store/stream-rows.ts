import { CompiledQuery, type Transaction } from 'kysely'
import { STREAM_ROWS } from '../limits.ts'
import type { Database } from './schema.ts'
import type { Store } from './store.ts'

const CURSOR = 'waxseal_rows'

/** A select as Kysely's builder makes it. */
interface Query<Row> {
  compile(): CompiledQuery<Row>
  stream(): AsyncIterable<Row>
}

/**
 * The rows of `query` one after the other, however many: memory stays flat. One stream at a time in a transaction.
 * `query` binds no parameter (`lit` instead): PostgreSQL's cursors take none.
 */
export async function* streamRows<Row>(
  kind: Store['kind'],
  tx: Transaction<Database>,
  query: Query<Row>,
): AsyncGenerator<Row, void, undefined> {
  if (kind === 'sqlite') return yield* query.stream()
  const { sql, parameters } = query.compile()
  if (parameters.length > 0) throw new Error('a streamed query binds no parameter')
  await tx.executeQuery(CompiledQuery.raw(`declare ${CURSOR} no scroll cursor for ${sql}`))
  try {
    for (;;) {
      const { rows } = await tx.executeQuery<Row>(CompiledQuery.raw(`fetch ${STREAM_ROWS} from ${CURSOR}`))
      if (rows.length === 0) return
      yield* rows
    }
  } finally {
    await tx.executeQuery(CompiledQuery.raw(`close ${CURSOR}`)).catch(() => undefined)
  }
}
