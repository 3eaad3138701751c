import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { ask, startIndex } from '../conformance/index-under-test.ts'
import type { IndexUnderTest } from '../conformance/index-under-test.ts'
import { code, simulated } from '../conformance/offered.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

let postgres: PostgresServer
let upstream: Simulator
let index: IndexUnderTest
before(async () => {
  postgres = await startEmbeddedPostgres()
  upstream = await startSimulator()
  index = await startIndex({
    upstreams: { upstream },
    database: { kind: 'postgres', url: await postgres.createDatabase() },
    policy: { unclaimed: [{ pattern: 'strict', mode: 'approve' }], cooldown: 0, approvals: 2 },
  })
})
after(async () => {
  await index?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
})

it('many who deny at once get a number each, and everything is closed, lifted and told on PostgreSQL too', async () => {
  const files = Array.from({ length: 6 }, (_, at) => buildWheel({ name: 'demo', version: `1.${at}` }))
  for (const file of files) assert.equal((await index.upload(file)).status, 200)
  const denied = await Promise.all(
    files.map(({ version }) =>
      index.manage('POST', '/denials', { project: 'demo', version, overlay: 'quarantined', reason: 'looked at' }),
    ),
  )
  const numbers = denied.map((answer) => {
    assert.equal(answer.status, 200, answer.text)
    return (answer.json() as { readonly denials: readonly [number] }).denials[0]
  })
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6],
  )
  assert.deepEqual(await index.filenames('demo'), [])
  for (const file of files) assert.equal(code(await ask(index.fileUrl(file))), 'file-quarantined')
  for (const n of numbers) {
    assert.equal((await index.manage('POST', `/denials/${n}/lift`, { reason: 'harmless' })).status, 200)
  }
  assert.equal((await index.filenames('demo')).length, files.length)
  const { denials } = (await index.manage('GET', '/denials')).json() as { denials: { n: number; standing: boolean }[] }
  assert.deepEqual(
    denials.map(({ n, standing }) => [n, standing]),
    [6, 5, 4, 3, 2, 1].map((n) => [n, false]),
  )
})

it('approvals count people, and a merge stands, on PostgreSQL too', async () => {
  const file = buildWheel({ name: 'strict', version: '1.0' })
  upstream.addProject({ name: 'strict', files: [simulated(file)] })
  const body = { sha256s: [file.sha256] }
  for (const token of [index.admin, await index.token('admin')]) {
    assert.equal(code(await ask(index.fileUrl(file))), 'file-unapproved')
    const answer = await index.manage('POST', '/projects/strict/approvals', body, token)
    assert.equal(answer.status, 200, answer.text)
  }
  assert.equal((await ask(index.fileUrl(file))).status, 200)

  const own = buildWheel({ name: 'both', version: '1.0' })
  const other = buildWheel({ name: 'both', version: '1.0', module: 'EVIL = 1\n' })
  assert.equal((await index.upload(own)).status, 200)
  upstream.addProject({ name: 'both', files: [simulated(other)] })
  const rule = { owner: 'local', extender: 'upstream', extend: 'platform-wheels', reason: 'more platforms' }
  assert.equal((await index.manage('PUT', '/projects/both/merge', rule)).status, 200)
  assert.deepEqual(await index.filenames('both'), [own.filename])
  assert.equal(code(await ask(index.fileUrl(other))), 'file-merge-conflict')
  const conflict = index.index.store.db.selectFrom('event').select('id').where('kind', '=', 'merge-conflict')
  assert.equal((await conflict.execute()).length, 1)
})
