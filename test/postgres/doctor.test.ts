import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../packages/index/src/store/testing/postgres-server.ts'
import type { PostgresServer } from '../../packages/index/src/store/testing/postgres-server.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

interface Told {
  readonly code: string
  readonly what: string
  readonly sha256?: string
  readonly repair?: { readonly done: boolean; readonly how: string }
}

describe('waxseal doctor beside a server on PostgreSQL', () => {
  let postgres: PostgresServer
  let env: { readonly WAXSEAL_DATABASE: string }
  let folder: string
  let dataDir: string
  let server: RunningServer
  const kept = buildWheel({ name: 'kept', version: '1.0' })
  const lost = buildWheel({ name: 'lost', version: '1.0' })

  before(async () => {
    postgres = await startEmbeddedPostgres()
    env = { WAXSEAL_DATABASE: await postgres.createDatabase() }
    folder = await mkdtemp(join(tmpdir(), 'waxseal-doctor-'))
    dataDir = join(folder, 'data')
    server = await startWaxseal({ dataDir, env, args: ['--no-upstream'] })
    for (const file of [kept, lost]) assert.equal((await uploadFile(server, file)).status, 200)
  })
  after(async () => {
    await server.stop()
    await postgres[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const blob = (sha256: string): string => join(dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  const doctor = async (...args: readonly string[]) => {
    const run = await waxsealCommand(['doctor', '--data', dataDir, '--json', ...args], { env })
    const { findings, checked } = documentOf(run) as { findings?: readonly Told[]; checked?: Record<string, number> }
    assert.ok(findings && checked, run.stderr)
    return { code: run.code, findings, checked }
  }
  const tamper = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: env.WAXSEAL_DATABASE })
    await client.connect()
    await client.query(statement)
    await client.end()
  }

  it('finds nothing wrong where nothing is', async () => {
    const { code, findings, checked } = await doctor()
    assert.deepEqual([code, findings, checked['pages'], checked['decisions']], [0, [], 2, 2])
  })

  it('tells what a missing blob was part of, and takes it from a backup', async () => {
    const backups = join(folder, 'backups')
    await runWaxseal(['backup', backups, '--data', dataDir], env)
    for (const file of [kept, lost]) rmSync(blob(file.sha256))
    const looked = await doctor()
    assert.equal(looked.code, 1)
    for (const file of [kept, lost]) {
      const found = looked.findings.find(({ sha256 }) => sha256 === file.sha256)
      assert.equal(found?.code, 'blob-missing')
      assert.match(found.what, new RegExp(`^file of ${file.name}: ${file.filename}; uploaded by `))
    }
    // A backup from before the other file.
    rmSync(join(backups, blob(lost.sha256).slice(dataDir.length)))
    const { code, findings } = await doctor('--repair', '--from', backups)
    const repaired = new Map(findings.map(({ sha256, repair }) => [sha256, repair?.how]))
    assert.deepEqual([code, repaired.size, repaired.get(kept.sha256)], [1, 2, 'taken from the backup'])
    assert.match(repaired.get(lost.sha256) ?? '', /it is lost/)
    assert.ok(existsSync(blob(kept.sha256)))
    assert.equal((await uploadFile(server, lost)).status, 200)
    assert.equal((await doctor()).code, 0)
  })

  it('makes sidecars and pages again from what is there', async () => {
    const client = new pg.Client({ connectionString: env.WAXSEAL_DATABASE })
    await client.connect()
    const names = await client.query<{ sha256: string }>(
      `select metadata_sha256 as sha256 from file where project = 'kept' union select body_sha256 from page where project = 'kept'`,
    )
    await client.end()
    assert.equal(names.rowCount, 2)
    for (const { sha256 } of names.rows) rmSync(blob(sha256))
    const { code, findings } = await doctor('--repair')
    assert.deepEqual([code, findings.map(({ repair }) => repair?.done)], [0, [true, true]])
    for (const { sha256 } of names.rows) assert.ok(existsSync(blob(sha256)))
  })

  it('tells of a decision that was changed in the database, and a page that was', async () => {
    await tamper(`update decision set body = replace(body, '{', '{ ') where project = 'kept'`)
    await tamper(`update file set requires_python = '>=3.99' where project = 'lost'`)
    const { code, findings } = await doctor()
    assert.equal(code, 1)
    assert.deepEqual(
      findings.map((finding) => `${finding.code}: ${finding.what}`),
      ['decisions-broken: kept: decision 1 was changed after it was made', 'page-differs: lost'],
    )
    const mended = await doctor('--repair')
    assert.deepEqual(
      mended.findings.map(({ code: kind, repair }) => [kind, repair?.done]),
      [
        ['decisions-broken', undefined],
        ['page-differs', true],
      ],
    )
  })
})
