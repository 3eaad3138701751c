import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import {
  hasDebianPostgres,
  startDebianPostgres,
  startEmbeddedPostgres,
} from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

/** The page of `project` at this node, asked for until the snapshot is at least `snapshot`. */
async function pageAt(
  node: RunningServer,
  project: string,
  snapshot: number,
): Promise<{ filenames: readonly string[] }> {
  const deadline = AbortSignal.timeout(20_000)
  for (;;) {
    const answer = await fetch(`${node.url}/simple/${project}/?format=application/vnd.pypi.simple.v1%2Bjson`, {
      signal: deadline,
    })
    const page = (await answer.json()) as { files: { filename: string }[] }
    if (Number(answer.headers.get('waxseal-snapshot')) >= snapshot)
      return { filenames: page.files.map((file) => file.filename) }
  }
}

function onPostgres(label: string, start: () => Promise<PostgresServer>): void {
  describe(`two nodes on ${label} and one blob folder`, () => {
    let postgres: PostgresServer
    let database: string
    let folder: string
    const nodes: RunningServer[] = []

    before(async () => {
      postgres = await start()
      database = await postgres.createDatabase()
      folder = await mkdtemp(join(tmpdir(), 'waxseal-nodes-'))
      const env = { WAXSEAL_DATABASE: database }
      for (let node = 0; node < 2; node += 1) {
        nodes.push(await startWaxseal({ dataDir: folder, env, args: ['--no-upstream'] }))
      }
    })
    after(async () => {
      await Promise.all(nodes.map((node) => node.stop()))
      await postgres?.[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    })

    it('acknowledges every concurrent upload at both, and each snapshot number is published once', async () => {
      const files = Array.from({ length: 24 }, (_, at) => buildWheel({ name: `shared-${at % 3}`, version: `1.${at}` }))
      const answers = await Promise.all(files.map((file, at) => uploadFile(nodes[at % 2] as RunningServer, file)))
      assert.deepEqual(
        answers.filter(({ status }) => status !== 200),
        [],
        `${JSON.stringify(answers)}\n${nodes.map((node) => node.log()).join('\n')}`,
      )
      const client = new pg.Client({ connectionString: database })
      await client.connect()
      const snapshots = await client.query<{ version: string; publisher: string }>(
        'select version, publisher from snapshot order by version',
      )
      const newest = await client.query<{ project: string; snapshot: string }>('select project, snapshot from page')
      const waiting = await client.query('select 1 from journal where snapshot is null')
      await client.end()
      assert.deepEqual(
        snapshots.rows.map(({ version }) => Number(version)),
        snapshots.rows.map((_, at) => at + 1),
      )
      assert.equal(waiting.rowCount, 0)
      for (const { project, snapshot } of newest.rows) {
        const expected = files.filter((file) => file.name === project).map((file) => file.filename)
        for (const node of nodes) {
          const { filenames } = await pageAt(node, project, Number(snapshot))
          assert.deepEqual([...filenames].sort(), [...expected].sort())
        }
      }
    })

    it('takes the same file at both nodes at once as one upload', async () => {
      const file = buildWheel({ name: 'twice', version: '1.0' })
      const answers = await Promise.all(nodes.map((node) => uploadFile(node, file)))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
      )
    })
  })
}

onPostgres('PostgreSQL 18', startEmbeddedPostgres)
if (hasDebianPostgres() || process.env['CI'] !== undefined) onPostgres('PostgreSQL 15', startDebianPostgres)
else void it.skip('two nodes on PostgreSQL 15: it is not installed here')
