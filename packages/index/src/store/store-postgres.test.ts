import { setImmediate } from 'node:timers/promises'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql, type Transaction } from 'kysely'
import pg from 'pg'
import { IndexError } from '../error.ts'
import { auditContract } from './audit-contract.ts'
import type { Database } from './schema.ts'
import { storeContract } from './store-contract.ts'
import { openStore } from './store.ts'
import {
  hasDebianPostgres,
  startDebianPostgres,
  startEmbeddedPostgres,
  type PostgresServer,
} from './testing/postgres-server.ts'
import { raceElsewhere } from './testing/race-elsewhere.ts'
import { upgradeContract } from './upgrade-contract.ts'

contractOn('PostgreSQL 18', startEmbeddedPostgres)
if (hasDebianPostgres() || process.env['CI'] !== undefined) contractOn('PostgreSQL 15', startDebianPostgres)
else it.skip('a store on PostgreSQL 15: it is not installed here')

function contractOn(name: string, start: () => Promise<PostgresServer>): void {
  describe(name, () => {
    let server: PostgresServer
    before(async () => {
      server = await start()
    })
    after(() => server[Symbol.asyncDispose]())

    storeContract(name, {
      fresh: async () => ({ kind: 'postgres', url: await server.createDatabase() }),
      race: raceElsewhere,
    })

    auditContract(name, { fresh: async () => ({ kind: 'postgres', url: await server.createDatabase() }) })

    upgradeContract(name, {
      fresh: async () => ({ kind: 'postgres', url: await server.createDatabase() }),
      tables: async (options) => new Set(options.kind === 'postgres' ? await tablesIn(options.url) : []),
    })

    it('survives that the server ends its idle connections', async () => {
      const options = { kind: 'postgres', url: await server.createDatabase() } as const
      await using store = await openStore(options)
      await using other = await openStore(options)
      await store.db.selectFrom('setting').selectAll().execute()
      const end = sql`select pg_terminate_backend(pid) from pg_stat_activity
        where pid <> pg_backend_pid() and datname = current_database() and application_name = 'waxseal'`
      await other.transaction((tx) => end.execute(tx))
      await assert.doesNotReject(eventually(() => store.db.selectFrom('setting').selectAll().execute()))
    })

    it('lets a long transaction come to its end among short ones that it conflicts with', async () => {
      await using store = await openStore({ kind: 'postgres', url: await server.createDatabase() })
      const set = (tx: Transaction<Database>, key: string, value: string): Promise<unknown> =>
        tx
          .insertInto('setting')
          .values({ key, value })
          .onConflict((oc) => oc.column('key').doUpdateSet({ value }))
          .execute()
      const read = (tx: Transaction<Database>, key: string): Promise<unknown> =>
        tx.selectFrom('setting').selectAll().where('key', '=', key).execute()
      const over = new AbortController()
      const short = async (): Promise<void> => {
        for (let count = 0; !over.signal.aborted; count += 1) {
          await store.transaction(async (tx) => {
            await read(tx, 'long')
            await set(tx, 'short', String(count))
          })
        }
      }
      const shorts = [short(), short()]
      const long = store.transaction(async (tx) => {
        await read(tx, 'short')
        await sql`select pg_sleep(0.2)`.execute(tx)
        await set(tx, 'long', 'written')
      })
      await assert.doesNotReject(long.finally(() => over.abort()))
      await Promise.all(shorts)
    })

    it('says that a server cannot be reached', async () => {
      const url = 'postgres://postgres@127.0.0.1:1/nothing'
      await assert.rejects(openStore({ kind: 'postgres', url }), (error) => {
        return error instanceof IndexError && error.code === 'storage-failed'
      })
    })
  })
}

async function tablesIn(url: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public'",
  )
  await client.end()
  return rows.map(({ name }) => name)
}

/** A connection that was ended fails at its next uses, until the pool has noticed and makes another one. */
async function eventually(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; attempt < 1000; attempt++) {
    try {
      await work()
      return
    } catch {
      // The socket's end is an event of its own.
      await setImmediate()
    }
  }
  await work()
}
