import { setImmediate } from 'node:timers/promises'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { IndexError } from '../error.ts'
import { auditContract } from './audit-contract.ts'
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
