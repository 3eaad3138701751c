import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

describe('namespaces, granted at one of two nodes on PostgreSQL', () => {
  let postgres: PostgresServer
  let folder: string
  let one: RunningServer
  let other: RunningServer

  before(async () => {
    postgres = await startEmbeddedPostgres()
    folder = await mkdtemp(join(tmpdir(), 'waxseal-namespaces-'))
    const env = { WAXSEAL_DATABASE: await postgres.createDatabase() }
    one = await startWaxseal({ dataDir: folder, env, args: ['--no-upstream'] })
    other = await startWaxseal({ dataDir: folder, env, args: ['--no-upstream'] })
    for (const user of ['alice', 'bob']) tokens.set(user, await tokenOf(user))
  })
  after(async () => {
    await one?.stop()
    await other?.stop()
    await postgres?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const tokens = new Map<string, string>()
  const api = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${one.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${one.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  async function tokenOf(user: string): Promise<string> {
    assert.equal((await api('POST', '/users', { name: user })).status, 201)
    const made = await api('POST', '/tokens', { user, scope: 'upload' })
    return ((await made.json()) as { token: string }).token
  }
  const upload = (user: string, name: string) =>
    uploadFile({ url: other.url, token: tokens.get(user) ?? '' }, buildWheel({ name, version: '1.0' }))
  /** Asks the other node until it answers so: it looks for what changed at intervals. Ends with the test's time-out. */
  const answersWith = async (status: number, name: string): Promise<void> => {
    while ((await fetch(`${other.url}/simple/${name}/`)).status !== status);
  }

  it('the other obeys at its very next upload, and in its pages, although nothing is published', async () => {
    await answersWith(404, 'acme-typo')
    const granted = await api('POST', '/namespaces', { name: 'acme', owner: 'alice' })
    assert.equal(granted.status, 201)
    assert.equal((await upload('bob', 'acme-x')).status, 409)
    assert.equal((await upload('alice', 'acme-x')).status, 200)
    await answersWith(200, 'acme-typo')
    const listed = await fetch(`${other.url}/simple/namespaces`)
    assert.deepEqual(await listed.json(), [{ name: 'acme' }])
  })

  it('and obeys its end', async () => {
    assert.equal((await api('DELETE', '/namespaces/acme')).status, 200)
    assert.equal((await upload('bob', 'acme-y')).status, 200)
    await answersWith(404, 'acme-typo')
  })
})
