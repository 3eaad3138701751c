import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, truncate, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBackup } from './backup-source.ts'
import { listBackups } from './backup-folder.ts'
import type { BackupCheck } from './check-backup.ts'
import { checkBackup } from './check-backup.ts'
import type { KeptIndex } from './testing/kept-index.ts'
import { openKeptIndex } from './testing/kept-index.ts'

async function withIndex(work: (index: KeptIndex, dest: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-backup-'))
  try {
    await using index = await openKeptIndex(join(folder, 'data'))
    await work(index, join(folder, 'dest'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const inPool = (dest: string, sha256: string): string =>
  join(dest, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)

async function verify(path: string, id?: string): Promise<BackupCheck> {
  return await checkBackup(await openBackup(path, id))
}

async function assertWhole(path: string, id?: string): Promise<void> {
  const { damagedParts, lostCount } = await verify(path, id)
  assert.deepEqual([damagedParts, lostCount], [[], 0])
}

function flip(path: string, at = statSync(path).size >> 1): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

test('a second backup copies only what is new, and each is whole by itself', () =>
  withIndex(async (index, dest) => {
    await index.upload('demo', '1.0')
    await index.upload('demo', '1.1')
    const first = await index.backUp(dest)
    // Two files, two sidecars, the current page and the one before it.
    assert.deepEqual([first.copied.count, first.manifest.blobs.count, first.manifest.snapshot], [6, 6, 2])
    await index.upload('other', '1.0')
    index.now += 1000
    const second = await index.backUp(dest)
    assert.deepEqual([second.copied.count, second.manifest.blobs.count], [3, 9])
    for (const { manifest } of [first, second]) await assertWhole(dest, manifest.id)
    await rm(first.path, { recursive: true })
    await assertWhole(dest)
    const { value } = await index.store.db
      .selectFrom('setting')
      .selectAll()
      .where('key', '=', 'last-backup')
      .executeTakeFirstOrThrow()
    assert.deepEqual(JSON.parse(value), { at: '2026-11-24T12:00:01.000Z', where: second.path, snapshot: 3, missing: 0 })
    assert.ok(await index.store.db.selectFrom('event').selectAll().where('kind', '=', 'backup-made').executeTakeFirst())
  }))

test('a backup is for its owner alone', () =>
  withIndex(async (index, dest) => {
    writeFileSync(join(index.dataDir, 'waxseal.toml'), 'reading = "private"\n')
    await index.upload('demo', '1.0')
    const { path } = await index.backUp(dest)
    for (const folder of [dest, path, join(dest, 'blobs')]) assert.equal(statSync(folder).mode & 0o777, 0o700, folder)
    for (const name of readdirSync(path)) assert.equal(statSync(join(path, name)).mode & 0o777, 0o600, name)
    assert.equal(readFileSync(join(path, 'waxseal.toml'), 'utf8'), 'reading = "private"\n')
    const tar = await index.backUp(`${dest}.tar`, { form: 'file' })
    assert.equal(statSync(tar.path).mode & 0o777, 0o600)
  }))

test('a blob that the index has lost or damaged is named, the rest is backed up, and no older backup goes', () =>
  withIndex(async (index, dest) => {
    await index.upload('before', '1.0')
    await index.backUp(dest)
    const lost = await index.upload('demo', '1.0')
    const damaged = await index.upload('demo', '1.1')
    const paths = await Promise.all([lost, damaged].map(async (sha256) => (await index.blobs.get(sha256))?.path ?? ''))
    await unlink(paths[0] ?? '')
    flip(paths[1] ?? '')
    for (const target of [{}, { form: 'file' }] as const) {
      index.now += 1000
      const path = 'form' in target ? `${dest}.tar` : dest
      const report = await index.backUp(path, { ...target, ...('form' in target ? {} : { keep: 1 }) })
      assert.equal(report.manifest.blobs.missing, 2)
      const named = new Map(report.missing.map(({ sha256, reason }) => [sha256, reason]))
      assert.deepEqual([named.get(lost), named.get(damaged)], ['absent', 'damaged'])
      const check = await verify(path)
      assert.deepEqual(check.damagedParts, [])
      assert.deepEqual(
        new Map(check.lost.map(({ sha256, before, uses }) => [sha256, [before, uses]])),
        new Map([
          [lost, [true, [{ project: 'demo', part: 'file', filename: 'demo-1.0-py3-none-any.whl' }]]],
          [damaged, [true, [{ project: 'demo', part: 'file', filename: 'demo-1.1-py3-none-any.whl' }]]],
        ]),
      )
    }
    assert.equal((await listBackups(dest)).whole.length, 2)
  }))

test('what the index has lost since stays in the backups that have it', () =>
  withIndex(async (index, dest) => {
    const sha256 = await index.upload('demo', '1.0')
    await index.backUp(dest)
    const path = (await index.blobs.get(sha256))?.path ?? ''
    await truncate(path, 10)
    index.now += 1000
    assert.equal((await index.backUp(dest)).manifest.blobs.missing, 0)
    await assertWhole(dest)
  }))

test('verify finds a flipped byte and a missing blob, in a folder and in a tar file', () =>
  withIndex(async (index, dest) => {
    const [one, two] = [await index.upload('one', '1.0'), await index.upload('two', '1.0')]
    const { path } = await index.backUp(dest)
    const tar = (await index.backUp(`${dest}.tar`, { form: 'file' })).path
    flip(inPool(dest, one))
    await unlink(inPool(dest, two))
    const { lost } = await verify(dest)
    const found = new Map(lost.map((blob) => [blob.sha256, blob]))
    assert.deepEqual(found.get(one)?.reason, 'damaged')
    assert.deepEqual(found.get(two)?.reason, 'absent')
    assert.deepEqual(found.get(two)?.uses, [{ project: 'two', part: 'file', filename: 'two-1.0-py3-none-any.whl' }])

    for (const part of readdirSync(path).filter((name) => name.endsWith('.zst'))) {
      flip(join(path, part))
      assert.deepEqual(
        (await verify(dest)).damagedParts.map(({ name }) => name),
        [part],
        part,
      )
      flip(join(path, part))
    }
    flip(join(path, 'manifest.json'))
    await assert.rejects(verify(dest, (await listBackups(dest)).damaged[0]?.id), { code: 'backup-damaged' })

    const whole = readFileSync(tar)
    for (let at = 200; at < whole.length - 1024; at += 1013) {
      flip(tar, at)
      const sound = await verify(tar).then(
        ({ damagedParts, lostCount }) => damagedParts.length + lostCount === 0,
        (error: unknown) => !(error instanceof Error && 'code' in error && error.code === 'backup-damaged'),
      )
      // Padding between the files, and headers' times, say nothing.
      assert.ok(!sound || isIdle(whole, at), `byte ${at} of the tar file`)
      flip(tar, at)
    }
    for (const length of [0, 100, whole.length >> 1, whole.length - 2048]) {
      writeFileSync(tar, whole.subarray(0, length))
      const cut = verify(tar).then(({ damagedParts }) => assert.ok(damagedParts.length > 0, `${length} bytes`))
      await cut.catch((error: unknown) =>
        assert.equal((error as { code?: string }).code, 'backup-damaged', String(error)),
      )
    }
  }))

/** Whether a byte of a tar file lies behind a member's end. */
function isIdle(tar: Buffer, at: number): boolean {
  for (let header = 0; header < tar.length;) {
    const size = Number.parseInt(tar.toString('latin1', header + 124, header + 135), 8) || 0
    const end = header + 512 + size
    const next = header + 512 + Math.ceil(size / 512) * 512
    if (at < next) return at >= end
    header = next
  }
  return true
}

test('a damaged copy in the pool is made anew once it is deleted', () =>
  withIndex(async (index, dest) => {
    const sha256 = await index.upload('one', '1.0')
    const { manifest } = await index.backUp(dest)
    await unlink(inPool(dest, sha256))
    assert.equal((await verify(dest)).lostCount, 1)
    index.now += 1000
    assert.equal((await index.backUp(dest)).copied.count, 1)
    await assertWhole(dest, manifest.id)
  }))

test('keeps the newest backups and the blobs that they need, whatever the clock does', () =>
  withIndex(async (index, dest) => {
    const gone = await index.upload('gone', '1.0')
    await index.upload('demo', '1.0')
    const first = await index.backUp(dest)
    await index.store.transaction((tx) =>
      tx.updateTable('file').set({ deleted_at: '2026-11-24T12:00:00.000Z' }).where('project', '=', 'gone').execute(),
    )
    index.now -= 365 * 86_400_000
    await index.upload('demo', '1.1')
    const second = await index.backUp(dest, { keep: 2 })
    assert.deepEqual(second.removed.backups, [])
    assert.ok(existsSync(inPool(dest, gone)))
    await index.upload('demo', '1.2')
    const third = await index.backUp(dest, { keep: 2 })
    assert.deepEqual(third.removed.backups, [first.manifest.id])
    assert.ok(third.removed.bytes > 0)
    assert.ok(!existsSync(inPool(dest, gone)), 'only the first backup needed it')
    assert.deepEqual(
      (await listBackups(dest)).whole.map(({ id }) => id),
      [second.manifest.id, third.manifest.id],
    )
    for (const { manifest } of [second, third]) await assertWhole(dest, manifest.id)
  }))

test('no blob goes while a backup cannot be read', () =>
  withIndex(async (index, dest) => {
    const sha256 = await index.upload('demo', '1.0')
    const first = await index.backUp(dest)
    flip(join(first.path, 'manifest.json'))
    await index.store.transaction((tx) => tx.updateTable('file').set({ deleted_at: 'x' }).execute())
    await index.upload('demo', '1.1')
    const report = await index.backUp(dest, { keep: 1 })
    assert.deepEqual(report.removed, { backups: [], bytes: 0 })
    assert.ok(existsSync(inPool(dest, sha256)))
  }))

test('refuses a folder of something else, the folder of another index, and a file that is there', () =>
  withIndex(async (index, dest) => {
    await mkdir(dest)
    writeFileSync(join(dest, 'notes.txt'), '')
    await assert.rejects(index.backUp(dest), { code: 'conflict', message: /something else/ })
    await unlink(join(dest, 'notes.txt'))
    await index.backUp(dest)
    await using other = await openKeptIndex(join(index.dataDir, '..', 'other'))
    await assert.rejects(other.backUp(dest), { code: 'conflict', message: /another index/ })
    writeFileSync(`${dest}.tar`, 'mine')
    await assert.rejects(index.backUp(`${dest}.tar`, { form: 'file' }), {
      code: 'conflict',
      message: /is there already/,
    })
    assert.equal(readFileSync(`${dest}.tar`, 'utf8'), 'mine')
    await assert.rejects(openBackup(join(dest, 'nothing')), { code: 'not-found' })
    await assert.rejects(openBackup(index.dataDir), { code: 'not-found', message: /holds no backups/ })
    await assert.rejects(openBackup(dest, '20200101T000000000Z-1'), { code: 'not-found', message: /has no backup/ })
  }))

test('what an interrupted backup left is no backup, and goes with the next', () =>
  withIndex(async (index, dest) => {
    await index.upload('demo', '1.0')
    const { manifest } = await index.backUp(dest)
    const leftOver = join(dest, 'backups', '.unfinished-1')
    await mkdir(leftOver)
    writeFileSync(join(leftOver, 'project.ndjson.zst'), 'half')
    assert.deepEqual((await listBackups(dest)).whole, [manifest])
    index.now += 1000
    await index.backUp(dest)
    assert.ok(!existsSync(leftOver))
    assert.equal((await listBackups(dest)).whole.length, 2)
  }))

test('one that fails takes away what it had begun', () =>
  withIndex(async (index, dest) => {
    await index.upload('demo', '1.0')
    await index.backUp(dest)
    const pool = join(dest, 'blobs')
    await rm(pool, { recursive: true })
    await mkdir(pool)
    // A file where the next blob's folder has to be.
    for (let at = 0; at < 256; at += 1) writeFileSync(join(pool, at.toString(16).padStart(2, '0')), '')
    await index.upload('demo', '1.1')
    index.now += 1000
    await assert.rejects(index.backUp(dest), { code: 'storage-failed' })
    assert.deepEqual(
      readdirSync(join(dest, 'backups')).filter((name) => name.startsWith('.')),
      [],
    )
  }))
