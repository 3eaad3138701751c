import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { indexDefaults } from '../index-config.ts'
import { noteBackupCheck } from '../keeping/note-backup.ts'
import { openBackup } from '../keeping/backup-source.ts'
import { restoreBackup } from '../keeping/restore.ts'
import type { KeptIndex } from '../keeping/testing/kept-index.ts'
import { openKeptIndex } from '../keeping/testing/kept-index.ts'
import { openAdministration } from '../open-administration.ts'
import { signingKeysIn } from '../publish/online-keys.ts'
import { withLease } from '../store/lease.ts'
import { openStore } from '../store/store.ts'
import { readIndexStatus } from './index-status.ts'

const DAY_MS = 86_400_000

suite('what the status says of backups', () => {
  async function withIndex(work: (index: KeptIndex, folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-attention-'))
    try {
      await using index = await openKeptIndex(join(folder, 'data'))
      await work(index, folder)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  /** What needs attention, without what is not about backups: no server runs here. */
  async function attention({ dataDir, store, now }: KeptIndex): Promise<readonly string[]> {
    const database = { kind: 'sqlite', path: join(dataDir, 'waxseal.db') } as const
    const clock = { now: () => now }
    const status = await readIndexStatus({ store, clock, database, dataDir, version: '1.2.3' })
    return status.attention.filter((line) => line !== 'No server is running on this index.')
  }

  test('uploaded files without a backup, and with one that is older than a week, need attention', () =>
    withIndex(async (index, folder) => {
      assert.deepEqual(await attention(index), [])
      await index.upload('demo', '1.0')
      assert.deepEqual(await attention(index), ['There is no backup of the uploaded files.'])
      await index.backUp(join(folder, 'dest'))
      index.now += 7 * DAY_MS
      assert.deepEqual(await attention(index), [])
      index.now += 1
      assert.deepEqual(await attention(index), ['The last backup is from 2026-11-24T12:00:00.000Z.'])
    }))

  test('one that failed does, until one is whole', () =>
    withIndex(async (index, folder) => {
      await index.upload('demo', '1.0')
      await index.backUp(join(folder, 'dest'))
      await mkdir(join(folder, 'other'))
      await writeFile(join(folder, 'other/thesis.tex'), '')
      await assert.rejects(index.backUp(join(folder, 'other')), { code: 'conflict' })
      const [failed, ...rest] = await attention(index)
      assert.match(failed ?? '', /^The backup that began at 2026-11-24T12:00:00\.000Z failed: .*something else than/)
      assert.deepEqual(rest, [])
      index.now += 1000
      await index.backUp(join(folder, 'dest'))
      assert.deepEqual(await attention(index), [])
    }))

  test('one that could not begin, because other work went on, does', () =>
    withIndex(async (index, folder) => {
      const clock = { now: () => index.now }
      await withLease(index.store, clock, { name: 'keeping', by: 'gc' }, () =>
        assert.rejects(index.backUp(join(folder, 'dest')), { code: 'conflict' }),
      )
      assert.match((await attention(index))[0] ?? '', /^The backup that began .* failed: .*waxseal gc/)
    }))

  test('one that was cut off does, and one that is under way does not', () =>
    withIndex(async (index, folder) => {
      await index.upload('demo', '1.0')
      await index.backUp(join(folder, 'dest'))
      index.now += 1000
      const seen: Promise<readonly string[]>[] = []
      await index.backUp(join(folder, 'dest'), {}, () => seen.push(attention(index)))
      assert.ok(seen.length > 0)
      assert.deepEqual((await Promise.all(seen)).flat(), [])
      // What `kill -9` leaves: the backup itself has the rows of the moment in which it was under way.
      const source = await openBackup(join(folder, 'dest'))
      const dataDir = join(folder, 'restored')
      const database = { kind: 'sqlite', path: join(dataDir, 'waxseal.db') } as const
      const signing = signingKeysIn(dataDir)
      await restoreBackup(source, { dataDir, database, signing, clock: { now: () => index.now } })
      await using administration = await openAdministration(indexDefaults(dataDir))
      const rows = administration.store.db.selectFrom('setting').select('key').where('key', 'like', 'backup-%')
      assert.deepEqual(await rows.execute(), [], 'a restored index begins anew')
    }))

  test('one that lacks what the index has lost does', () =>
    withIndex(async (index, folder) => {
      const sha256 = await index.upload('demo', '1.0')
      await unlink((await index.blobs.get(sha256))?.path ?? '')
      await index.backUp(join(folder, 'dest'))
      assert.deepEqual(await attention(index), [
        'The last backup, of 2026-11-24T12:00:00.000Z, lacks 1 blobs that the index itself has lost: see waxseal doctor.',
      ])
    }))

  test('one that was found damaged does, whatever was backed up since, until one is found whole', () =>
    withIndex(async (index, folder) => {
      await index.upload('demo', '1.0')
      const { manifest, path } = await index.backUp(join(folder, 'dest'))
      const parts = { store: index.store, clock: { now: () => index.now } }
      await noteBackupCheck(parts, { path, manifest, problem: 'blobs missing or damaged: 3' })
      index.now += 1000
      await index.backUp(join(folder, 'dest'))
      assert.deepEqual(await attention(index), [
        `The backup ${path} was found damaged at 2026-11-24T12:00:00.000Z: blobs missing or damaged: 3`,
      ])
      await noteBackupCheck(parts, { path, manifest, problem: undefined })
      assert.deepEqual(await attention(index), [])
      await using other = await openStore({ kind: 'sqlite', path: join(folder, 'other.db') })
      await assert.rejects(noteBackupCheck({ ...parts, store: other }, { path, manifest, problem: undefined }), {
        code: 'conflict',
        message: /another index/,
      })
    }))
})
