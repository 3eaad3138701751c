import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import { openDirectoryBlobStore } from './directory-blob-store.ts'
import { RecentBlobs } from './recent-blobs.ts'

/** A store of at most `maxBytes` in memory, and the one on disk under it. */
async function stores(t: TestContext, maxBytes: number) {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-recent-'))
  t.after(() => rm(folder, { recursive: true }))
  const disk = await openDirectoryBlobStore(folder)
  return { disk, recent: new RecentBlobs(disk, maxBytes) }
}

async function text(store: Pick<RecentBlobs, 'get'>, sha256: string): Promise<string | undefined> {
  const blob = await store.get(sha256)
  return blob === undefined ? undefined : (await Array.fromAsync(blob.stream())).join('')
}

async function put(store: Pick<RecentBlobs, 'put'>, body: string): Promise<string> {
  const sha256 = hash('sha256', body)
  await store.put(sha256, Buffer.from(body))
  return sha256
}

suite('recent blobs', () => {
  test('come from memory, and are on the disk as well', async (t) => {
    const { disk, recent } = await stores(t, 1600)
    const sha256 = await put(recent, 'a page')
    assert.equal(await text(disk, sha256), 'a page')
    await disk.delete(sha256)
    assert.equal(await text(recent, sha256), 'a page')
    const part = (await recent.get(sha256))?.stream({ start: 2, end: 4 }) ?? []
    assert.equal((await Array.fromAsync(part)).join(''), 'pa')
  })

  test('give way to younger ones; large ones are not kept at all', async (t) => {
    const { disk, recent } = await stores(t, 1600)
    const first = await put(recent, 'x'.repeat(100))
    const others = await Promise.all(Array.from({ length: 16 }, (_, at) => put(recent, String(at).padEnd(100))))
    const large = await put(recent, 'y'.repeat(101))
    for (const sha256 of [first, large, ...others]) await disk.delete(sha256)
    assert.equal(await text(recent, first), undefined)
    assert.equal(await text(recent, large), undefined)
    assert.equal((await Promise.all(others.map((sha256) => text(recent, sha256)))).filter(Boolean).length, 16)
  })

  test('take no more memory than is accounted for: none is a view of a larger buffer', async (t) => {
    const { recent } = await stores(t, 160_000)
    const held = new Set<ArrayBufferLike>()
    for (let at = 0; at < 40; at += 1) {
      // As a publish does between two bodies: what it signs is cut from the same buffer.
      Buffer.from('x'.repeat(30_000))
      const blob = await recent.get(await put(recent, `${at}`.padEnd(500)))
      for await (const { buffer } of blob?.stream() ?? []) held.add(buffer)
    }
    const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.equal(bytes, 40 * 500)
  })

  test('that the disk has already, and those that it refuses, are not made up', async (t) => {
    const { disk, recent } = await stores(t, 1600)
    const sha256 = await put(disk, 'a page')
    await recent.put(sha256, Buffer.from('b page'))
    assert.equal(await text(recent, sha256), 'a page')
    await assert.rejects(recent.put(hash('sha256', 'right'), Buffer.from('wrong')), {
      code: 'digest-mismatch',
    })
    assert.equal(await text(recent, hash('sha256', 'right')), undefined)
  })
})
