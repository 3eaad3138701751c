import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { buildZip, extraField, zip64Extra } from '../test/zip-builder.ts'
import type { ArchiveOverrides, BuiltEntry } from '../test/zip-builder.ts'
import { bytesSource } from './byte-source.ts'
import { PackagingError } from './error.ts'
import { tarChecksums } from './tar-header.ts'
import { readZipDirectory } from './zip-directory.ts'

const A: BuiltEntry = { name: 'a.txt', data: 'alpha' }
const B: BuiltEntry = { name: 'b.txt', data: 'beta '.repeat(100), deflate: true }

async function refused(reason: string, bytes: Uint8Array): Promise<void> {
  await assert.rejects(readZipDirectory(bytesSource(bytes)), (error) => {
    assert.ok(error instanceof PackagingError)
    assert.equal(error.message, `ZIP archive not accepted: ${reason}`)
    return true
  })
}

function rule(name: string, reason: string, entries: readonly BuiltEntry[], archive?: ArchiveOverrides): void {
  test(`${name}: ${reason}`, () => refused(reason, buildZip(entries, archive)))
}

test('a plain archive gives its members in the order of the central directory', async () => {
  const entries = await readZipDirectory(
    bytesSource(buildZip([A, B, { name: 'dir/', both: { attributes: 0o40755 * 65536 } }])),
  )
  assert.deepEqual(
    entries.map(({ name, method, uncompressedSize, isDirectory }) => [name, method, uncompressedSize, isDirectory]),
    [
      ['a.txt', 'stored', 5, false],
      ['b.txt', 'deflate', 500, false],
      ['dir/', 'stored', 0, true],
    ],
  )
  assert.equal(entries[0]?.dataOffset, 35)
  assert.equal(entries[0]?.crc32, crc32('alpha'))
})

test('an empty archive and a name with the UTF-8 flag are fine', async () => {
  assert.deepEqual(await readZipDirectory(bytesSource(buildZip([]))), [])
  assert.equal((await readZipDirectory(bytesSource(buildZip([{ name: 'é/ü.py', data: '1' }]))))[0]?.name, 'é/ü.py')
})

test('ZIP64 is read where Python writes it: in local headers alone, in both, and at the end', async () => {
  const forced = {
    ...A,
    local: { compressedSize: 0xffff_ffff, uncompressedSize: 0xffff_ffff, extra: zip64Extra(5, 5) },
  }
  const both = { ...A, both: { compressedSize: 0xffff_ffff, uncompressedSize: 0xffff_ffff, extra: zip64Extra(5, 5) } }
  for (const entry of [A, forced, both]) {
    const [read] = await readZipDirectory(bytesSource(buildZip([entry], { zip64: {} })))
    assert.equal(read?.compressedSize, 5)
    assert.equal(read?.uncompressedSize, 5)
  }
})

test('reads by ranges: a big member is never read, local headers are', async () => {
  const bytes = buildZip([{ name: 'big', data: new Uint8Array(8 * 1024 * 1024) }, A])
  let read = 0
  const inner = bytesSource(bytes)
  const entries = await readZipDirectory({
    size: inner.size,
    read: (offset, length) => {
      read += length
      return inner.read(offset, length)
    },
  })
  assert.equal(entries.length, 2)
  assert.ok(read < 200_000, `${read} bytes read`)
})

test('the failure of a source is passed on as it is', async () => {
  const failure = new Error('disk')
  await assert.rejects(
    readZipDirectory({ size: 100, read: () => Promise.reject(failure) }),
    (error) => error === failure,
  )
})

rule('ZIP-DUP in both places', 'Duplicate filename in central directory', [A, A])
rule('ZIP-DUP in local headers only', 'Duplicate filename in local headers', [A, { ...A, central: 'absent' }])
rule('ZIP-LFH other local name', 'Filename not in central directory', [{ ...A, local: { name: 'x.txt' } }])
rule('ZIP-LFH local only', 'Filename not in central directory', [A, { ...B, central: 'absent' }])
rule('ZIP-LFH central only', 'Missing filename in local headers', [A, { ...B, local: 'absent' }])
rule('ZIP-LFH size', 'Mis-matched file size', [{ ...B, local: { uncompressedSize: 1 } }])
rule('ZIP-LFH compressed size', 'Mis-matched data size', [{ ...B, local: { compressedSize: 1 } }])
rule('ZIP-LFH checksum', 'Mis-matched checksum', [{ ...A, local: { crc: 1 } }])
rule('ZIP-LFH method', 'Mis-matched compression type', [{ ...A, local: { method: 8 } }])
rule('ZIP-LFH flags', 'Mis-matched flags', [{ ...A, local: { flags: 0x0800 } }])
rule('ZIP-LFH offset', 'Mis-matched local header offset', [A, { ...B, central: { offset: 0 } }])
rule('ZIP-BOMB overlapping entries', 'Mis-matched data size', [
  { ...A, both: { compressedSize: 500, uncompressedSize: 500 } },
])
rule('ZIP-BOMB overlap hides the next header', 'Unknown record signature', [
  { ...A, both: { compressedSize: 9, uncompressedSize: 9 } },
  B,
])
rule('ZIP-BOMB stored sizes disagree', 'Mis-matched file size', [{ ...A, both: { uncompressedSize: 6 } }])
rule('ZIP-PRE bytes before', 'Unknown record signature', [A], { prefix: Buffer.from('#!/bin/sh\n') })
rule('ZIP-PRE bytes before and offsets as if there were none', 'Mismatched central directory offset', [A], {
  prefix: Buffer.from('x'),
  offset: 40,
})
rule('ZIP-PRE gap before the central directory', 'Unknown record signature', [A], { gap: Buffer.alloc(40) })
rule('ZIP-TAIL junk', 'Trailing data', [A], { suffix: Buffer.from('x') })
rule('ZIP-TAIL second end record', 'Mismatched central directory offset', [A], { suffix: buildZip([B]) })
rule('ZIP-TAIL comment', 'Comment at end of archive', [A], { comment: Buffer.from('hello') })
rule('ZIP-TAIL comment that ends in an end record', 'Mismatched central directory offset', [A], {
  comment: buildZip([B]),
})
rule('ZIP-TAIL central comment', 'Comment in central directory', [{ ...A, central: { comment: Buffer.from('c') } }])
rule('ZIP-TAIL record count', 'Mismatched central directory records', [A], { entries: 2 })
rule('ZIP-TAIL directory size', 'Mismatched central directory offset', [A], { size: 1 })
rule('ZIP-TAIL directory size beyond the file', 'Mismatched central directory size', [A], { size: 100_000 })
rule('ZIP-TAIL directory offset', 'Mismatched central directory offset', [A], { offset: 1 })
rule('ZIP-TAIL multi-disk end', 'Multi-disk archive', [A], { endDisk: 1 })
rule('ZIP-TAIL multi-disk member', 'Multi-disk archive', [{ ...A, central: { disk: 1 } }])
rule('ZIP-TAIL EOCD64 extensible data', 'ZIP64 extensible data not allowed', [A], {
  zip64: { extensible: Buffer.from('data') },
})
rule('ZIP-TAIL EOCD64 size', 'ZIP64 extensible data not allowed', [A], { zip64: { recordSize: 45 } })
rule('ZIP-TAIL EOCD64 locator mismatch', 'Malformed zip file', [A], { zip64: { locatorOffset: 1_000_000 } })
rule('ZIP-TAIL EOCD64 record count', 'Mismatched central directory records', [A], { zip64: { entries: 2 } })
rule('ZIP-DD', 'ZIP contains a data descriptor', [{ ...A, both: { flags: 8 } }])
rule('ZIP-DD local only', 'ZIP contains a data descriptor', [{ ...A, local: { flags: 8 } }])
for (const method of [1, 9, 12, 14, 93, 95, 99]) {
  rule(`ZIP-METH ${method}`, 'File does not use a supported compression type', [{ ...A, both: { method } }])
}
rule('ZIP-METH encrypted', 'Encrypted member', [{ ...A, both: { flags: 1 } }])
rule('ZIP-METH strong encryption', 'Encrypted member', [{ ...A, both: { flags: 0x2000 } }])
rule('ZIP-METH patched data', 'Unsupported flags', [{ ...A, both: { flags: 0x20 } }])
rule('ZIP-METH version', 'Unsupported version', [{ ...A, both: { version: 64 } }])
rule('name that is not UTF-8', 'Filename not unicode', [{ name: Uint8Array.of(0x61, 0xff) }])
rule('non-ASCII name without the UTF-8 flag', 'Filename not unicode', [{ name: 'é', both: { flags: 0 } }])
rule('control character', 'Invalid character in filename', [{ name: 'a\u0007' }])
rule('NUL cuts a name for some readers', 'Invalid character in filename', [{ name: 'a.py\0.txt' }])
rule('empty name', 'Empty filename', [{ name: '' }])
rule('symlink', 'Member is not a regular file', [{ ...A, central: { attributes: 0o120777 * 0x10000 } }])
rule('directory with data', 'Directory with data', [{ name: 'd/', data: 'x', central: { attributes: 0 } }])
rule('extra cut short', 'Malformed extra field', [{ ...A, both: { extra: Uint8Array.of(1, 0, 9, 0, 1) } }])
rule('ZIP64 extra twice', 'Invalid duplicate extra in local file', [
  { ...A, local: { extra: Buffer.concat([zip64Extra(), zip64Extra()]) } },
])
rule('ZIP64 extra nobody asked for', 'Malformed ZIP64 extra', [{ ...A, both: { extra: zip64Extra(5, 5) } }])
rule('ZIP64 extra missing', 'Malformed ZIP64 extra', [{ ...A, both: { uncompressedSize: 0xffff_ffff } }])
rule('ZIP64 size beyond numbers', 'Malformed ZIP64 extra', [
  { ...A, both: { uncompressedSize: 0xffff_ffff, extra: extraField(1, Buffer.alloc(8, 0xff)) } },
])
rule('Unicode path to another file', 'Unicode path differs from filename', [
  { ...A, central: { extra: unicodePath('a.txt', 'evil.py') } },
])
rule('Unicode path twice', 'Invalid duplicate extra in central file', [
  { ...A, central: { extra: Buffer.concat([unicodePath('a.txt', 'a.txt'), unicodePath('a.txt', 'a.txt')]) } },
])

test('ZIP-TAR: an archive whose first block is a tar header as well', async () => {
  const name = Buffer.alloc(512)
  name.fill('n', 0, 482)
  const bytes = buildZip([{ name: name.toString('latin1').replaceAll('\0', 'm'), data: 'x' }])
  await readZipDirectory(bytesSource(bytes))
  // The checksum stands in the member's name, as six octal digits.
  const [sum] = tarChecksums(bytes)
  const digits = sum.toString(8).padStart(8, '0')
  const long = Buffer.from(bytes)
  for (const at of positions(long, 'nnnnnn')) long.write(digits, at + 118, 'latin1')
  await refused('File is also a tar archive', long)
})

test('ZIP-BOMB: 10^6 entries are refused by their number, before any is read', async () => {
  const bytes = buildZip([A], { zip64: { entries: 1_000_000 } })
  await refused('More than 100000 members', bytes)
})

test('whatever byte is changed, cut or added, the answer is a list or a PackagingError', async () => {
  const valid = buildZip([A, B, { name: 'c/', both: { attributes: 0 } }], { zip64: {} })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(valid.length),
      async (changes, cut) => {
        const bytes = valid.slice()
        for (const [at, value] of changes) bytes[at] = value
        for (const candidate of [bytes, bytes.subarray(0, cut), bytes.subarray(cut)]) {
          await readZipDirectory(bytesSource(candidate)).catch((error: unknown) => {
            if (!(error instanceof PackagingError)) throw error
          })
        }
      },
    ),
    { numRuns: 500 },
  )
})

function unicodePath(name: string, path: string): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt8(1, 0)
  head.writeUInt32LE(crc32(name), 1)
  return extraField(0x7075, Buffer.concat([head, Buffer.from(path)]))
}

/** Where the name starts: behind the local header, and behind the central one. */
function positions(bytes: Buffer, text: string): readonly number[] {
  const first = bytes.indexOf(text)
  return [first, bytes.indexOf(text, bytes.indexOf('PK\u0001\u0002', 0, 'latin1'))]
}
