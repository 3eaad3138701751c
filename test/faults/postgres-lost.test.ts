import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { until } from '../support/behind-upstream.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { Reply } from '../support/raw-http.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

const BOUND_MS = 30_000

/** Served, or refused as something that passes; never anything else, and never late. */
async function passing(what: string, asked: Promise<Reply>): Promise<number> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what} waits for ever`)), BOUND_MS)
  const reply = await Promise.race([asked, late]).finally(() => clearTimeout(timer))
  if (reply.status === 200) return 200
  assert.equal(reply.status, 503, `${what}: ${reply.status} ${reply.reason}`)
  const { code } = JSON.parse(reply.body.toString()) as { code: string }
  assert.equal(code, 'internal-unavailable', what)
  assert.ok(reply.headers['retry-after'] !== undefined, what)
  return 503
}

describe('a PostgreSQL database that is lost', () => {
  let postgres: PostgresServer
  let database: string
  let server: RunningServer
  let count = 0
  const read = (path: string) => ask(`${server.url}${path}`, { headers: { accept: 'application/json' } })
  const yank = (reason: string) =>
    ask(`${server.url}/api/v1/projects/inside/releases/1.0/yank`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason }),
    })
  const admin = async (work: (client: pg.Client) => Promise<unknown>): Promise<void> => {
    const client = new pg.Client({ connectionString: database })
    client.on('error', () => undefined)
    await client.connect()
    try {
      await work(client)
    } finally {
      await client.end()
    }
  }
  const healed = async (): Promise<void> => {
    const file = buildWheel({ name: 'inside', version: `2.${count++}` })
    const done = await until(
      () => uploadFile(server, file),
      ({ status }) => status === 200,
    )
    assert.equal(done.status, 200, 'without a restart')
    assert.match((await read('/simple/inside/')).body.toString(), new RegExp(file.filename))
  }

  before(async () => {
    postgres = await startEmbeddedPostgres()
    database = await postgres.createDatabase()
    server = await startWaxseal({ env: { WAXSEAL_DATABASE: database }, args: ['--no-upstream'] })
    assert.equal((await uploadFile(server, buildWheel({ name: 'inside', version: '1.0' }))).status, 200)
  })
  after(async () => {
    await server?.stop()
    await postgres?.[Symbol.asyncDispose]()
  })

  it('holds a table: refused in time, and it heals', async () => {
    await admin(async (client) => {
      await client.query('begin')
      await client.query('lock table project, page, file, journal in access exclusive mode')
      const outcomes = await Promise.all([
        passing('a page', read('/simple/inside/')),
        passing('an explanation', read('/why/inside')),
        passing('a yank', yank('held')),
      ])
      assert.ok(outcomes.includes(503), 'the lock held nobody up')
      assert.equal((await read('/-/health')).status, 200)
      await client.query('rollback')
    })
    await healed()
  })

  it('ends every connection, over and over: served or refused, and it heals', async () => {
    const end = `select pg_terminate_backend(pid) from pg_stat_activity
      where pid <> pg_backend_pid() and datname = current_database()`
    await admin(async (client) => {
      for (let round = 0; round < 10; round++) {
        const asked = [passing('a page', read('/simple/inside/')), passing('a yank', yank(`round ${round}`))]
        await client.query(end)
        await Promise.all([...asked, passing('a page', read('/simple/inside/')), passing('why', read('/why/inside'))])
      }
    })
    assert.equal((await read('/-/health')).status, 200)
    await healed()
  })

  it('takes no connections: refused in time, and it heals', async () => {
    const name = new URL(database).pathname.slice(1)
    const maintenance = Object.assign(new URL(database), { pathname: '/postgres' }).href
    const client = new pg.Client({ connectionString: maintenance })
    await client.connect()
    try {
      await client.query(`alter database ${name} allow_connections false`)
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
      const outcomes = await Promise.all([
        passing('a page', read('/simple/inside/')),
        passing('an explanation', read('/why/inside')),
        passing('a yank', yank('away')),
      ])
      assert.ok(outcomes.includes(503))
      assert.equal((await read('/-/health')).status, 200)
    } finally {
      await client.query(`alter database ${name} allow_connections true`)
      await client.end()
    }
    await healed()
  })
})
