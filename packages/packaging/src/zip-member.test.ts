import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { buildZip } from '../test/zip-builder.ts'
import type { BuiltEntry } from '../test/zip-builder.ts'
import { bytesSource } from './byte-source.ts'
import type { ByteSource } from './byte-source.ts'
import { PackagingError } from './error.ts'
import { readZipDirectory } from './zip-directory.ts'
import type { ZipEntry } from './zip-directory.ts'
import { digestZipEntry, hashZipEntry, readZipEntry } from './zip-member.ts'

const MIB = 1024 * 1024

async function only(entry: BuiltEntry): Promise<{ readonly source: ByteSource; readonly entry: ZipEntry }> {
  const source = bytesSource(buildZip([entry]))
  const [first] = await readZipDirectory(source)
  assert.ok(first !== undefined)
  return { source, entry: first }
}

async function refused(reason: string, built: BuiltEntry): Promise<void> {
  const { source, entry } = await only(built)
  for (const read of [() => readZipEntry(source, entry, 64 * MIB), () => hashZipEntry(source, entry)]) {
    await assert.rejects(read, (error) => {
      assert.ok(error instanceof PackagingError)
      assert.equal(error.message, `ZIP archive not accepted: ${reason}`)
      return true
    })
  }
}

test('what was stored or deflated comes back, whatever its size', async () => {
  for (const size of [0, 1, 5000, MIB + 1, 5 * MIB]) {
    const data = Buffer.alloc(size, 'abcdefg')
    for (const deflate of [false, true]) {
      const { source, entry } = await only({ name: 'a', data, deflate })
      assert.ok(data.equals(await readZipEntry(source, entry, size)))
      assert.deepEqual(await hashZipEntry(source, entry), {
        sha256Base64Url: createHash('sha256').update(data).digest('base64url'),
        size,
      })
    }
  }
})

test('a source that fills the buffer it is given takes one for a whole member, and reading it whole keeps its bytes', async () => {
  const data = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251))
  const { source, entry } = await only({ name: 'a', data })
  const buffers = new Set<Uint8Array>()
  const filling: ByteSource = {
    size: source.size,
    read: async (offset, length, into = new Uint8Array(length)) => {
      into.set(await source.read(offset, length))
      buffers.add(into)
      return into.subarray(0, length)
    },
  }
  assert.equal(
    (await digestZipEntry(filling, entry, 'sha256')).digest,
    createHash('sha256').update(data).digest('base64url'),
  )
  assert.equal(buffers.size, 1)
  assert.ok(data.equals(await readZipEntry(filling, entry, data.length)))
})

test('stronger digests of RECORD are computed the same way', async () => {
  const { source, entry } = await only({ name: 'a', data: 'alpha' })
  const expected = createHash('sha512').update('alpha').digest('base64url')
  assert.equal((await digestZipEntry(source, entry, 'sha512')).digest, expected)
})

test('a member above the cap is refused before it is read', async () => {
  const { source, entry } = await only({ name: 'a', data: 'alpha' })
  await assert.rejects(readZipEntry(source, entry, 4), { code: 'limit-exceeded' })
})

for (const [kind, size] of [
  ['small', 1000],
  ['streamed', 3 * MIB],
] as const) {
  const data = Buffer.alloc(size, 'abcdefg')
  const raw = deflateRawSync(data)
  test(`ZIP-BOMB (${kind}): data that inflates to more than it says`, () =>
    refused('Mis-matched file size', { name: 'a', data: data.subarray(1), raw, deflate: true }))
  test(`ZIP-LFH (${kind}): data that inflates to less than it says`, () =>
    refused('Mis-matched file size', { name: 'a', data: Buffer.concat([data, data]), raw, deflate: true }))
  test(`ZIP-LFH (${kind}): wrong checksum`, () =>
    refused('Mis-matched checksum', { name: 'a', data, deflate: true, both: { crc: crc32('other') } }))
  test(`ZIP-TAIL (${kind}): bytes hidden behind the end of the deflate stream`, () =>
    refused('Mis-matched data size', {
      name: 'a',
      data,
      raw: Buffer.concat([raw, Buffer.from('hidden')]),
      deflate: true,
    }))
  test(`truncated deflate stream (${kind})`, () =>
    refused('Malformed deflate data', { name: 'a', data, raw: raw.subarray(0, raw.length - 4), deflate: true }))
  test(`garbage instead of deflate (${kind})`, () =>
    refused('Malformed deflate data', { name: 'a', data, raw: Buffer.alloc(size, 0xff), deflate: true }))
}
test('ZIP-TAIL: more hidden bytes than one read takes', () => {
  const data = Buffer.alloc(3 * MIB, 'x')
  const raw = Buffer.concat([deflateRawSync(data), Buffer.alloc(MIB)])
  return refused('Mis-matched data size', { name: 'a', data, raw, deflate: true })
})

test('the failure of a source is passed on as it is, in the middle of a stream too', async () => {
  const { source, entry } = await only({ name: 'a', data: Buffer.alloc(3 * MIB, 'x'), deflate: true })
  const failure = new Error('disk')
  const failing: ByteSource = { size: source.size, read: () => Promise.reject(failure) }
  await assert.rejects(hashZipEntry(failing, entry), (error) => error === failure)
})

test('what is left half-read leaves nothing running', async () => {
  const { source, entry } = await only({ name: 'a', data: Buffer.alloc(3 * MIB, 'x'), deflate: true })
  const { streamZipEntry } = await import('./zip-member.ts')
  for await (const chunk of streamZipEntry(source, entry)) {
    assert.ok(chunk.length > 0)
    break
  }
})

test('any change of the compressed bytes is noticed', async () => {
  const data = Buffer.from('some text that is long enough to be compressed, '.repeat(20))
  const raw = deflateRawSync(data)
  await fc.assert(
    fc.asyncProperty(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(raw)
      changed[at] = (changed[at] ?? 0) ^ change
      const { source, entry } = await only({ name: 'a', data, raw: changed, deflate: true })
      const read = await readZipEntry(source, entry, MIB).catch((error: unknown) => error)
      // Padding bits of the last byte carry nothing: then the content is the same.
      assert.ok(read instanceof PackagingError || (read instanceof Uint8Array && data.equals(read)))
    }),
  )
})
