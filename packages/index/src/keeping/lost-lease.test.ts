import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { suite, test } from 'node:test'
import { indexDefaults } from '../index-config.ts'
import { LEASE_MS } from '../limits.ts'
import { openAdministration } from '../open-administration.ts'
import { withLease } from '../store/lease.ts'
import type { DoctorOptions } from './doctor.ts'
import type { KeptIndex } from './testing/kept-index.ts'
import { openKeptIndex } from './testing/kept-index.ts'

/** The index has one file; `lose` has another process take the lease over, and this one notice. */
type Work = (index: KeptIndex, sha256: string, lose: () => void) => Promise<void>

async function withIndex(t: TestContext, work: Work): Promise<void> {
  // The lease is renewed when the test says so.
  t.mock.timers.enable({ apis: ['setInterval'] })
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-lost-lease-'))
  try {
    await using index = await openKeptIndex(join(folder, 'data'))
    const sha256 = await index.upload('demo', '1.0')
    await work(index, sha256, () => {
      assert.equal(sql(index, `update lease set holder = 'elsewhere/1/uuid/gc' returning name`)?.['name'], 'keeping')
      t.mock.timers.tick(LEASE_MS / 3)
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What another process does. */
function sql({ dataDir }: KeptIndex, statement: string): Record<string, unknown> | undefined {
  const database = new DatabaseSync(join(dataDir, 'waxseal.db'), { timeout: 5000 })
  try {
    return database.prepare(statement).get()
  } finally {
    database.close()
  }
}

async function repair(index: KeptIndex, options: DoctorOptions = {}) {
  const effects = { clock: { now: () => index.now } }
  await using administration = await openAdministration(indexDefaults(index.dataDir), effects)
  return await administration.examine({ repair: true, ...options })
}

const TAKEN_OVER = { code: 'conflict', message: 'Another process has taken over.' }

suite('work that has lost the lease', () => {
  for (const form of ['folder', 'file'] as const) {
    test(`completes no backup (${form})`, (t) =>
      withIndex(t, async (index, _sha256, lose) => {
        const dest = join(index.dataDir, '../dest')
        const path = form === 'file' ? `${dest}.tar` : dest
        // After the last blob: what is left is to say that it is whole.
        const onProgress = (done: number, total: number | undefined, what: string): void => {
          if (what === 'blobs' && done === total) lose()
        }
        await assert.rejects(index.backUp(path, { form }, onProgress), TAKEN_OVER)
        if (form === 'file') assert.ok(!existsSync(path))
        else assert.deepEqual(readdirSync(join(path, 'backups')), [])
        assert.equal(sql(index, `select value from setting where key = 'last-backup'`), undefined)
      }))
  }

  test('moves no damaged blob away', (t) =>
    withIndex(t, async (index, sha256, lose) => {
      const path = (await index.blobs.get(sha256))?.path ?? ''
      writeFileSync(path, 'other')
      await assert.rejects(repair(index, { progress: lose }), TAKEN_OVER)
      assert.equal(readFileSync(path, 'utf8'), 'other')
      assert.ok(!existsSync(join(index.dataDir, 'damaged')))
    }))

  test('publishes no page anew', (t) =>
    withIndex(t, async (index, _sha256, lose) => {
      const before = sql(
        index,
        `update file set yanked = 1, stored = 1 returning (select body_sha256 from page) as body`,
      )
      await assert.rejects(repair(index, { progress: lose }), TAKEN_OVER)
      assert.equal(sql(index, 'select body_sha256 as body from page')?.['body'], before?.['body'])
    }))

  test('takes no file that is not stored from a backup', (t) =>
    withIndex(t, async (index, sha256, lose) => {
      const from = join(index.dataDir, '../dest')
      await index.backUp(from)
      sql(index, `update file set stored = 0, source = 'sim' returning id`)
      await index.blobs.delete(sha256)
      await assert.rejects(repair(index, { from, progress: lose }), TAKEN_OVER)
      assert.equal(await index.blobs.get(sha256), undefined)
    }))
})

test('a repair begins while nobody else is at work; a look can be taken at any time', (t) =>
  withIndex(t, async (index) => {
    const clock = { now: () => index.now }
    await withLease(index.store, clock, { name: 'keeping', by: 'gc' }, async () => {
      await assert.rejects(repair(index), { code: 'conflict', message: /is at work on this index/ })
      assert.deepEqual((await repair(index, { repair: false })).findings, [])
    })
    assert.equal((await repair(index)).left, 0)
  }))
