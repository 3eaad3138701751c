import { PostgresDialect } from 'kysely'
import pg from 'pg'
import { POSTGRES_CONNECTIONS, POSTGRES_CONNECT_TIMEOUT, POSTGRES_LOCK_TIMEOUT } from '../limits.ts'

/** PostgreSQL's oid of int8, which `pg` leaves as text. */
const INT8 = 20

/**
 * A pool of connections to `url` (`postgres://user:password@host:port/database`). Numbers come back as numbers, as from
 * SQLite; one beyond 2^53 is an error, never a rounded value. With `readOnly` the database refuses every write.
 */
export function openPostgresPool(url: string, readOnly: boolean): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: POSTGRES_CONNECTIONS,
    connectionTimeoutMillis: POSTGRES_CONNECT_TIMEOUT,
    application_name: 'waxseal',
    options: `-c lock_timeout=${POSTGRES_LOCK_TIMEOUT}${readOnly ? ' -c default_transaction_read_only=on' : ''}`,
    types: { getTypeParser: typeParser },
  })
  // An idle connection that breaks (a restart of the server) is replaced at the next use; unheard, it ends the process.
  pool.on('error', () => undefined)
  // The pool listens to idle connections only: one that breaks while it is lent out would end the process just as well.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

export function postgresDialect(pool: pg.Pool): PostgresDialect {
  return new PostgresDialect({ pool })
}

const typeParser = ((oid: Parameters<typeof pg.types.getTypeParser>[0], format?: 'text') =>
  (oid as number) === INT8 ? safeInteger : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`a number beyond 2^53 came from the database: ${text}`)
  return value
}
