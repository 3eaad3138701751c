import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { BackupReport } from './backup.ts'
import { listBackups } from './backup-folder.ts'
import { openBackup } from './backup-source.ts'
import { checkBackup } from './check-backup.ts'
import type { KeptIndex } from './testing/kept-index.ts'
import { openKeptIndex } from './testing/kept-index.ts'

/** An index with a backup that has a file which later ones have not. */
interface Scene {
  readonly index: KeptIndex
  readonly dest: string
  readonly first: BackupReport
  /** Blob of the file that only the first backup needs. */
  readonly gone: string
  /** The next backup, a second later, of an index that has one file more. */
  readonly next: (keep?: number) => Promise<BackupReport>
}

async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-prune-'))
  try {
    await using index = await openKeptIndex(join(folder, 'data'))
    const dest = join(folder, 'dest')
    const sha256 = await index.upload('gone', '1.0')
    const first = await index.backUp(dest)
    await index.store.transaction((tx) => tx.updateTable('file').set({ deleted_at: 'x' }).execute())
    const gone = join(dest, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    let version = 0
    const next = async (keep?: number): Promise<BackupReport> => {
      index.now += 1000
      await index.upload('demo', `1.${(version += 1)}`)
      return await index.backUp(dest, keep === undefined ? {} : { keep })
    }
    await work({ index, dest, first, gone, next })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const listOf = ({ path }: BackupReport): string => join(path, 'blobs.ndjson.zst')

/** As a disk may do it: what is there can be unpacked and read, and is not what was written. */
function leaveOutABlob(report: BackupReport): void {
  const lines = zstdDecompressSync(readFileSync(listOf(report)))
    .toString()
    .split('\n')
  writeFileSync(listOf(report), zstdCompressSync(lines.slice(1).join('\n')))
}

async function assertNoted({ store }: KeptIndex, { path }: BackupReport): Promise<void> {
  const settings = store.db.selectFrom('setting').select('value').where('key', '=', 'last-backup')
  const { value } = await settings.executeTakeFirstOrThrow()
  assert.equal((JSON.parse(value) as { where: string }).where, path)
}

async function assertWhole(dest: string, { manifest }: BackupReport): Promise<void> {
  const { damagedParts, lostCount } = await checkBackup(await openBackup(dest, manifest.id))
  assert.deepEqual([damagedParts, lostCount], [[], 0])
}

const idsOf = (reports: readonly BackupReport[]): readonly string[] => reports.map(({ manifest }) => manifest.id)

suite('a backup that is to keep only some', () => {
  const spoilt: readonly (readonly [string, (report: BackupReport) => void | Promise<void>])[] = [
    ['is cut off', (report) => truncateSync(listOf(report), 30)],
    ['is missing', (report) => unlink(listOf(report))],
    ['says something else than was written', leaveOutABlob],
  ]
  for (const [how, spoil] of spoilt) {
    test(`names a backup whose list ${how}, deletes no blob, and is a backup all the same`, () =>
      withScene(async ({ index, dest, first, gone, next }) => {
        await spoil(first)
        const second = await next(2)
        assert.deepEqual(second.removed, { backups: [], bytes: 0 })
        assert.deepEqual(
          second.damaged.map(({ id }) => id),
          [first.manifest.id],
        )
        assert.match(second.damaged[0]?.reason ?? '', /\.$/)
        assert.ok(existsSync(gone))
        await assertNoted(index, second)
        await assertWhole(dest, second)
      }))
  }

  test('does not count a spoilt one among those it keeps', () =>
    withScene(async ({ dest, first, next, gone }) => {
      const second = await next()
      leaveOutABlob(second)
      const third = await next(2)
      assert.deepEqual([third.removed.backups, third.damaged.map(({ id }) => id)], [[], [second.manifest.id]])
      await assertWhole(dest, first)
      assert.ok(existsSync(gone))
    }))

  test('removes a spoilt one once there are enough newer ones, and the blobs that nobody needs', () =>
    withScene(async ({ dest, first, next, gone }) => {
      leaveOutABlob(first)
      const second = await next()
      const third = await next(2)
      assert.deepEqual([third.removed.backups, third.damaged], [[first.manifest.id], []])
      assert.ok(!existsSync(gone))
      for (const one of [second, third]) await assertWhole(dest, one)
    }))

  test('leaves alone what is no backup', () =>
    withScene(async ({ index, dest, first, next, gone }) => {
      const strays = [join(dest, 'backups', '.DS_Store'), join(dest, 'backups', 'copy of the first')]
      writeFileSync(strays[0] ?? '', 'x')
      mkdirSync(strays[1] ?? '')
      const listed = await listBackups(dest)
      assert.deepEqual([idsOf([first]), []], [listed.whole.map(({ id }) => id), listed.damaged])
      const second = await next(1)
      assert.deepEqual([second.removed.backups, second.damaged], [idsOf([first]), []])
      assert.ok(!existsSync(gone))
      for (const stray of strays) assert.ok(existsSync(stray), stray)
      await assertNoted(index, second)
    }))

  test('names a file that stands where a backup would', () =>
    withScene(async ({ dest, first, next, gone }) => {
      writeFileSync(join(dest, 'backups', '20200101T000000000Z-1'), 'x')
      assert.deepEqual(
        (await listBackups(dest)).damaged.map(({ id }) => id),
        ['20200101T000000000Z-1'],
      )
      const second = await next(1)
      assert.deepEqual([second.removed, second.damaged.length], [{ backups: idsOf([first]), bytes: 0 }, 1])
      assert.ok(existsSync(gone))
    }))
})

for (const text of ['', 'nonsense', '{"format":"waxseal-backups"}']) {
  test(`says what to do where the mark of a backup folder is spoilt: ${JSON.stringify(text)}`, () =>
    withScene(async ({ dest, next }) => {
      const mark = join(dest, 'waxseal-backups.json')
      const whole = readFileSync(mark)
      writeFileSync(mark, text)
      await assert.rejects(next(), {
        code: 'backup-damaged',
        message: /waxseal-backups\.json is spoilt.*manifest\.json/,
      })
      writeFileSync(mark, whole)
      await next()
    }))
}
