import type { Kysely, Transaction } from 'kysely'
import type { Database } from './schema.ts'

const views = new WeakMap<Transaction<Database>, Kysely<Database>>()

/** Says what reads past the state that `tx` is bound to. */
export function boundToState(tx: Transaction<Database>, view: Kysely<Database>): void {
  views.set(tx, view)
}

/**
 * What shows the newest commit, from within a transaction: one of PostgreSQL sees the state of its first query for as long
 * as it lasts, also after it waited for a lock. SQLite's has had the only writer's place since it began.
 */
export function latestCommitted(tx: Transaction<Database>): Kysely<Database> {
  return views.get(tx) ?? tx
}
