import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DirectoryState, HttpRemote, initialiseState, TrustClient } from '@waxseal/trust'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from '../trust/trusting-clients.ts'

/** Uploads one by one, at most, until both have published. */
const MORE = 20
const UPLOADS = 24

/** A client that refreshes without a pause until it is told that it is enough, now at one node, now at the other. */
async function poll(nodes: readonly RunningServer[], folder: string, enough: () => boolean): Promise<number> {
  const state = await DirectoryState.open(folder)
  await initialiseState(state, Buffer.from(await (await fetch(`${nodes[0]?.url}/tuf/1.root.json`)).arrayBuffer()))
  let refreshes = 0
  let at = 0
  const remote = new HttpRemote({ metadataUrl: 'http://nowhere.invalid' })
  const alternating = nodes.map(({ url }) => new HttpRemote({ metadataUrl: `${url}/tuf` }))
  const client = await TrustClient.open({
    state,
    now: Date.now,
    remote: {
      metadata: (name, limits) => (alternating[at] ?? remote).metadata(name, limits),
      target: async () => undefined,
    },
  })
  while (!enough()) {
    at = refreshes % nodes.length
    const { equivocation } = await client.refresh()
    assert.equal(equivocation, false)
    await client.find('simple/shared-0/index.json')
    refreshes += 1
  }
  return refreshes
}

void test('two nodes on PostgreSQL sign what both publish, each version once, and no client ever trips', async () => {
  await using parts = new AsyncDisposableStack()
  const postgres = parts.use(await startEmbeddedPostgres())
  const database = await postgres.createDatabase()
  const { path: folder } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-nodes-')))
  const options = { dataDir: join(folder, 'data'), env: { WAXSEAL_DATABASE: database }, args: ['--no-upstream'] }
  const nodes: RunningServer[] = []
  for (let node = 0; node < 2; node += 1) nodes.push(parts.use(await startWaxseal(options)))
  const clients = parts.use(await trustingClients((nodes[0] as RunningServer).url))

  const client = new pg.Client({ connectionString: database })
  await client.connect()
  parts.defer(() => client.end())
  const publishers = async (): Promise<number> =>
    (await client.query('select distinct publisher from snapshot')).rows.length

  let done = false
  const polling = poll(nodes, join(folder, 'polling'), () => done)
  const files = Array.from({ length: UPLOADS }, (_, at) => buildWheel({ name: `shared-${at % 3}`, version: `1.${at}` }))
  const answers = await Promise.all(files.map((file, at) => uploadFile(nodes[at % 2] as RunningServer, file)))
  done = true
  const logs = (): string => nodes.map((node) => node.log()).join('\n')
  assert.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
    logs(),
  )
  assert.ok((await polling) > 1)
  // Of a burst one may publish all; what comes alone is published by who took it, unless the other was just looking.
  for (let turn = 0; turn < MORE && (await publishers()) < 2; turn += 1) {
    const file = buildWheel({ name: 'shared-0', version: `2.${turn}` })
    assert.equal((await uploadFile(nodes[turn % 2] as RunningServer, file)).status, 200)
  }

  const versions = async (role: string): Promise<readonly number[]> => {
    const text = 'select version from tuf_file where role = $1 order by version'
    return (await client.query<{ version: string }>(text, [role])).rows.map(({ version }) => Number(version))
  }
  for (const role of ['snapshot', 'timestamp']) {
    const found = await versions(role)
    assert.deepEqual(
      found,
      Array.from({ length: found.length }, (_, at) => at + 1),
      `${role} has no hole`,
    )
  }
  assert.ok((await publishers()) >= 2, 'both have published')
  const current = 'select role from tuf_file where superseded_at is null group by role having count(*) > 1'
  assert.deepEqual((await client.query(current)).rows, [], 'one version of each role is the newest')
  const seen = new Set<number>()
  for (const { url } of nodes) seen.add(await clients.follow(url, ['shared-0', 'shared-1', 'shared-2']))
  assert.equal(seen.size, 1)
})
