import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { chmod, mkdir, mkdtempDisposable, readdir, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileCache } from './file-cache.ts'
import { STALE_PART_MS, WHOLE_FILE_BYTES } from './limits.ts'

const SMALL = Buffer.from('some bytes')
const LARGE = Buffer.alloc(WHOLE_FILE_BYTES + 1, 7)
const sha256Of = (bytes: Uint8Array): string => hash('sha256', bytes)

const inFolder = async (): Promise<{ path: string } & AsyncDisposable> => {
  const folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-cache-'))
  return { path: join(folder.path, 'files'), [Symbol.asyncDispose]: () => folder.remove() }
}
const pathIn = (folder: string, sha256: string): string => join(folder, sha256.slice(0, 2), sha256)

for (const [size, bytes] of Object.entries({ small: SMALL, large: LARGE })) {
  void test(`a ${size} file is what was put, and a damaged one is nothing`, async () => {
    await using folder = await inFolder()
    const cache = await FileCache.open({ folder: folder.path })
    const sha256 = sha256Of(bytes)
    assert.equal(await cache.read(sha256), undefined)
    await cache.put(sha256, bytes)
    assert.deepEqual(Buffer.from((await cache.read(sha256)) ?? []), bytes)
    assert.equal((await stat(pathIn(folder.path, sha256))).mode & 0o077, 0, 'for its owner alone')

    await truncate(pathIn(folder.path, sha256), bytes.length - 1)
    assert.equal(await cache.read(sha256), undefined)
    assert.deepEqual(await readdir(join(folder.path, sha256.slice(0, 2))), [], 'and it is removed')
  })
}

void test('CLI-4: a large file that was hashed is hashed again once somebody has written to it, also with its old times', async () => {
  await using folder = await inFolder()
  const cache = await FileCache.open({ folder: folder.path })
  const sha256 = sha256Of(LARGE)
  const path = pathIn(folder.path, sha256)
  await cache.put(sha256, LARGE)
  assert.notEqual(await cache.read(sha256), undefined)
  const before = await stat(path, { bigint: true })
  const changed = Buffer.from(LARGE)
  changed[0] = 8
  // The clock of inodes goes by ticks.
  do {
    await writeFile(path, changed)
    await utimes(path, before.atime, before.mtime)
  } while ((await stat(path, { bigint: true })).ctimeNs === before.ctimeNs)
  assert.equal(await cache.read(sha256), undefined)
})

void test('CLI-4: a link in the cache is not followed, a folder of others is not used', async () => {
  await using folder = await inFolder()
  const cache = await FileCache.open({ folder: folder.path })
  const sha256 = sha256Of(SMALL)
  const elsewhere = join(folder.path, 'elsewhere')
  await writeFile(elsewhere, SMALL)
  await mkdir(join(folder.path, sha256.slice(0, 2)))
  await symlink(elsewhere, pathIn(folder.path, sha256))
  assert.equal(await cache.read(sha256), undefined)

  await chmod(folder.path, 0o777)
  await assert.rejects(FileCache.open({ folder: folder.path }), { code: 'cache-unusable', message: /Others may write/ })
  const link = `${folder.path}-link`
  await symlink(folder.path, link)
  await assert.rejects(FileCache.open({ folder: link }), { code: 'cache-unusable', message: /is a link/ })
})

void test('what was begun and not kept leaves nothing; what a killed guard left goes when it is old', async () => {
  await using folder = await inFolder()
  const cache = await FileCache.open({ folder: folder.path })
  const parts = join(folder.path, 'parts')
  {
    await using part = await cache.part()
    await part.write(SMALL)
    assert.equal((await readdir(parts)).length, 1)
  }
  assert.deepEqual(await readdir(parts), [])
  const [young, old] = [join(parts, 'young'), join(parts, 'old')]
  for (const left of [young, old]) await writeFile(left, SMALL)
  const then = new Date(Date.now() - STALE_PART_MS - 1000)
  await utimes(old, then, then)
  await cache.tidy()
  assert.deepEqual(await readdir(parts), ['young'])
})

void test('the longest unused goes first, once there is more than may be', async () => {
  await using folder = await inFolder()
  const contents = [1, 2, 3, 4].map((value) => Buffer.alloc(1000, value))
  const cache = await FileCache.open({ folder: folder.path, maxBytes: 3500 })
  for (const [at, bytes] of contents.entries()) {
    await cache.put(sha256Of(bytes), bytes)
    const then = new Date(1_700_000_000_000 + at * 1000)
    await utimes(pathIn(folder.path, sha256Of(bytes)), then, then)
  }
  // Used just now: the first is the newest of all.
  await cache.read(sha256Of(contents[0] ?? SMALL))
  await cache.tidy()
  const left = await Promise.all(contents.map(async (bytes) => (await cache.read(sha256Of(bytes))) !== undefined))
  assert.deepEqual(left, [true, false, true, true])
})

void test('what is no sha256 leads nowhere', async () => {
  await using folder = await inFolder()
  const cache = await FileCache.open({ folder: folder.path })
  await assert.rejects(cache.get('../../etc/passwd'), { code: 'file-unverified' })
})
