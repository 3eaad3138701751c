import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { IndexError } from '../error.ts'
import type { Blob, BlobStore, ListedBlob } from './blob-store.ts'
import type { Spool } from './spool.ts'

/** What every kind of blob store promises (`BlobStore`); `fresh` gives an empty one and a spool that it can take from. */
export function blobStoreContract(
  kind: string,
  fresh: () => Promise<{ readonly blobs: BlobStore; readonly spool: Spool }>,
  /** Gives a blob other bytes, as a failing disk does. */
  damage: (blobs: BlobStore, sha256: string, bytes: Uint8Array) => Promise<void>,
): void {
  describe(`a blob store in ${kind}`, () => {
    it('gives back what was put, whole and in part', async () => {
      const { blobs } = await fresh()
      const bytes = sample(700_000)
      const sha256 = digest(bytes)
      assert.deepEqual(await blobs.put(sha256, pieces(bytes)), { size: bytes.length })
      assert.deepEqual(await blobs.head(sha256), { size: bytes.length })
      const blob = await existing(blobs, sha256)
      assert.equal(blob.size, bytes.length)
      assert.ok(bytes.equals(await collect(blob.stream())))
      for (const [start, end] of [
        [0, 1],
        [5, 5],
        [262_143, 262_145],
        [699_999, 700_000],
      ] as const) {
        assert.ok(bytes.subarray(start, end).equals(await collect(blob.stream({ start, end }))), `${start}-${end}`)
      }
    })

    it('refuses a range that reaches beyond the blob', async () => {
      const { blobs } = await fresh()
      const bytes = sample(10)
      await blobs.put(digest(bytes), pieces(bytes))
      const blob = await existing(blobs, digest(bytes))
      for (const range of [
        { start: 0, end: 11 },
        { start: -1, end: 3 },
        { start: 4, end: 3 },
      ]) {
        await assert.rejects(collect(blob.stream(range)), RangeError)
      }
    })

    it('keeps nothing of bytes that do not hash to the digest', async () => {
      const { blobs } = await fresh()
      const sha256 = digest(sample(1000))
      await assert.rejects(blobs.put(sha256, pieces(sample(1001))), { name: 'IndexError', code: 'digest-mismatch' })
      assert.equal(await blobs.get(sha256), undefined)
      assert.equal(await blobs.get(digest(sample(1001))), undefined)
    })

    it('keeps nothing of a source that fails, and hands on why', async () => {
      const { blobs } = await fresh()
      const reason = new Error('the connection broke')
      const sha256 = digest(sample(1000))
      async function* broken(): AsyncIterable<Uint8Array> {
        yield* pieces(sample(1000))
        throw reason
      }
      await assert.rejects(blobs.put(sha256, broken()), (error) => error === reason)
      assert.equal(await blobs.head(sha256), undefined)
    })

    it('knows nothing under a name that is no sha256', async () => {
      const { blobs } = await fresh()
      for (const name of ['', '..', '../../etc/passwd', digest(sample(1)).toUpperCase(), `${digest(sample(1))}0`]) {
        assert.equal(await blobs.get(name), undefined)
        assert.equal(await blobs.head(name), undefined)
        await blobs.delete(name)
        await assert.rejects(blobs.put(name, pieces(sample(1))), IndexError)
      }
    })

    it('takes a spooled file over', async () => {
      const { blobs, spool } = await fresh()
      const bytes = sample(300_000)
      const writer = await spool.createSpoolFile()
      for await (const piece of pieces(bytes)) await writer.write(piece)
      const spooled = await writer.finish()
      assert.deepEqual(await blobs.put(spooled.sha256, spooled), { size: bytes.length })
      assert.ok(bytes.equals(await collect((await existing(blobs, spooled.sha256)).stream())))
      await writer.discard()
      assert.ok(await blobs.get(spooled.sha256), 'discarding the upload afterwards takes nothing away')
    })

    it('does not take over a spooled file under another digest', async () => {
      const { blobs, spool } = await fresh()
      const writer = await spool.createSpoolFile()
      await writer.write(sample(10))
      const spooled = await writer.finish()
      const other = digest(sample(11))
      await assert.rejects(blobs.put(other, spooled), { code: 'digest-mismatch' })
      assert.equal(await blobs.get(other), undefined)
      await writer.discard()
    })

    it('stores what exists already without doing anything', async () => {
      const { blobs, spool } = await fresh()
      const bytes = sample(5000)
      await blobs.put(digest(bytes), pieces(bytes))
      const writer = await spool.createSpoolFile()
      await writer.write(bytes)
      assert.deepEqual(await blobs.put(digest(bytes), await writer.finish()), { size: 5000 })
      assert.deepEqual(await blobs.put(digest(bytes), pieces(bytes)), { size: 5000 })
    })

    it('stores the same bytes from several at once', async () => {
      const { blobs } = await fresh()
      const bytes = sample(200_000)
      const sha256 = digest(bytes)
      await Promise.all(Array.from({ length: 8 }, () => blobs.put(sha256, pieces(bytes))))
      assert.ok(bytes.equals(await collect((await existing(blobs, sha256)).stream())))
    })

    it('stores the empty blob', async () => {
      const { blobs } = await fresh()
      const sha256 = digest(sample(0))
      assert.deepEqual(await blobs.put(sha256, pieces(sample(0))), { size: 0 })
      assert.equal((await collect((await existing(blobs, sha256)).stream())).length, 0)
    })

    it('heals one of another size from what is in hand, and any other when told to', async () => {
      const { blobs, spool } = await fresh()
      const bytes = sample(5000)
      const sha256 = digest(bytes)
      await blobs.put(sha256, bytes)
      await damage(blobs, sha256, bytes.subarray(1))
      assert.deepEqual(await blobs.put(sha256, bytes), { size: 5000 })
      assert.ok(bytes.equals(await collect((await existing(blobs, sha256)).stream())))
      await damage(blobs, sha256, bytes.subarray(1))
      const writer = await spool.createSpoolFile()
      await writer.write(bytes)
      await blobs.put(sha256, await writer.finish())
      assert.ok(bytes.equals(await collect((await existing(blobs, sha256)).stream())))
      await damage(blobs, sha256, bytes.toReversed())
      await blobs.put(sha256, bytes, { replace: true })
      assert.ok(bytes.equals(await collect((await existing(blobs, sha256)).stream())))
    })

    it('lists every blob in the order of their sha256, with its size', async () => {
      const { blobs } = await fresh()
      const expected: [string, number][] = []
      for (let length = 0; length < 20; length++) {
        await blobs.put(digest(sample(length)), sample(length))
        expected.push([digest(sample(length)), length])
      }
      const listed = await Array.fromAsync(blobs.list())
      assert.deepEqual(
        listed.map(({ sha256, size }) => [sha256, size]),
        expected.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      )
      for (const { touchedAt } of listed) assert.ok(Math.abs(Date.now() - touchedAt) < 600_000)
    })

    it('sweeps a blob that was left alone', async () => {
      const { blobs } = await fresh()
      const { sha256, touched } = await only(blobs)
      assert.equal(await blobs.deleteUntouched(sha256, touched, async () => true), true)
      assert.equal(await blobs.head(sha256), undefined)
      assert.equal(await blobs.deleteUntouched(sha256, touched, async () => true), false)
      assert.deepEqual(await Array.fromAsync(blobs.list()), [])
    })

    it('sweeps none that was put or touched since it was listed, however short ago', async () => {
      const { blobs } = await fresh()
      const bytes = sample(100)
      for (const keep of [(sha256: string) => blobs.put(sha256, bytes), (sha256: string) => blobs.touch(sha256)]) {
        const { sha256, touched } = await only(blobs)
        assert.deepEqual(await keep(sha256), { size: 100 })
        assert.equal(await blobs.deleteUntouched(sha256, touched, async () => true), false)
        assert.deepEqual(await blobs.head(sha256), { size: 100 })
      }
      assert.equal(await blobs.touch(digest(sample(7))), undefined)
    })

    it('puts back what turns out to be needed, also when the question fails', async () => {
      const { blobs } = await fresh()
      const { sha256, touched } = await only(blobs)
      assert.equal(await blobs.deleteUntouched(sha256, touched, async () => false), false)
      const answers = [true, false]
      assert.equal(await blobs.deleteUntouched(sha256, touched, async () => answers.shift() ?? false), false)
      assert.deepEqual(answers, [], 'asked again once nobody could find it')
      assert.deepEqual(await blobs.head(sha256), { size: 100 })
      let asked = 0
      const failing = async (): Promise<boolean> => {
        if (asked++ > 0) throw new Error('the database is gone')
        return true
      }
      await assert.rejects(blobs.deleteUntouched(sha256, touched, failing), /the database is gone/)
      assert.deepEqual(await blobs.head(sha256), { size: 100 })
    })

    it('keeps what is put while it is being swept', async () => {
      const { blobs } = await fresh()
      const { sha256, touched } = await only(blobs)
      const putting = async (): Promise<boolean> => {
        await blobs.put(sha256, sample(100))
        return true
      }
      await blobs.deleteUntouched(sha256, touched, putting)
      assert.deepEqual(await blobs.head(sha256), { size: 100 })
    })

    it('sets a damaged blob aside without destroying it', async () => {
      const { blobs } = await fresh()
      const { sha256 } = await only(blobs)
      assert.equal(await blobs.setAside(sha256), undefined, 'it is whole')
      await damage(blobs, sha256, sample(99))
      const place = await blobs.setAside(sha256)
      assert.ok(place?.includes(sha256))
      assert.equal(await blobs.head(sha256), undefined)
      assert.equal(await blobs.setAside(sha256), undefined)
    })

    it('deletes, twice as well, and says so to who is about to read', async () => {
      const { blobs } = await fresh()
      const bytes = sample(100)
      const sha256 = digest(bytes)
      await blobs.put(sha256, pieces(bytes))
      const blob = await existing(blobs, sha256)
      await blobs.delete(sha256)
      await blobs.delete(sha256)
      assert.equal(await blobs.get(sha256), undefined)
      await assert.rejects(collect(blob.stream()), { code: 'blob-missing' })
    })
  })
}

/** Bytes that follow from their number. */
export function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) * 7) & 255
  return bytes
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** `bytes` as they come from a socket. */
export async function* pieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** The only blob of a store: a hundred bytes. */
async function only(blobs: BlobStore): Promise<ListedBlob> {
  await blobs.put(digest(sample(100)), sample(100))
  const [listed] = await Array.fromAsync(blobs.list())
  assert.ok(listed)
  return listed
}

async function existing(blobs: BlobStore, sha256: string): Promise<Blob> {
  const blob = await blobs.get(sha256)
  assert.ok(blob)
  return blob
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
