import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createToken, createUser, OPERATOR } from '@waxseal/index'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { ask, startIndex } from '../conformance/index-under-test.ts'
import type { IndexUnderTest } from '../conformance/index-under-test.ts'
import { buildWheel } from '../support/python-projects.ts'

describe('namespaces, granted at one of two nodes on PostgreSQL', () => {
  let postgres: PostgresServer
  let one: IndexUnderTest
  let other: IndexUnderTest
  let alice: string
  let bob: string

  before(async () => {
    postgres = await startEmbeddedPostgres()
    const database = { kind: 'postgres', url: await postgres.createDatabase() } as const
    one = await startIndex({ database })
    other = await startIndex({ database, dataDir: one.dataDir })
    ;[alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  })
  after(async () => {
    await other?.[Symbol.asyncDispose]()
    await one?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
  })

  async function tokenOf(user: string): Promise<string> {
    const { store, clock } = one.index
    await createUser(store, clock, { name: user, by: OPERATOR })
    return (await createToken(store, clock, { user, by: OPERATOR, scope: 'upload' })).token
  }
  const wheel = (name: string) => buildWheel({ name, version: '1.0' })
  /** Asks the other node until it answers so: it looks for what changed at intervals. Ends with the test's time-out. */
  const answersWith = async (status: number, name: string): Promise<void> => {
    while ((await ask(`${other.url}/simple/${name}/`)).status !== status);
  }

  it('the other obeys at its very next upload, and in its pages, although nothing is published', async () => {
    await answersWith(404, 'acme-typo')
    assert.equal((await one.manage('POST', '/namespaces', { name: 'acme', owner: 'alice' })).status, 201)
    assert.equal((await other.upload(wheel('acme-x'), bob)).status, 409)
    await answersWith(200, 'acme-typo')
    assert.deepEqual((await ask(`${other.url}/simple/namespaces`)).json(), [{ name: 'acme' }])
    assert.equal((await other.upload(wheel('acme-x'), alice)).status, 200)
  })

  it('and obeys its end', async () => {
    assert.equal((await one.manage('DELETE', '/namespaces/acme')).status, 200)
    assert.equal((await other.upload(wheel('acme-y'), bob)).status, 200)
    await answersWith(404, 'acme-typo')
  })
})
