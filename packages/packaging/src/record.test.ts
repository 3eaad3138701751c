import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { formatRecord, parseRecord } from './record.ts'

test('rows as build backends write them', () => {
  assert.deepEqual(parseRecord(Buffer.from('a.py,sha256=AbC-_9,12\r\n"b, ""x"".py",sha512=x,0\nfoo/RECORD,,\n')), [
    { path: 'a.py', hash: { algorithm: 'sha256', digest: 'AbC-_9' }, size: 12 },
    { path: 'b, "x".py', hash: { algorithm: 'sha512', digest: 'x' }, size: 0 },
    { path: 'foo/RECORD' },
  ])
  assert.deepEqual(parseRecord(Buffer.from('')), [])
  assert.deepEqual(parseRecord(Buffer.from('a,,\n\nb,,')), [{ path: 'a' }, { path: 'b' }])
})

test('what is not three well-formed fields is refused', () => {
  const bad = [
    'a',
    'a,b',
    'a,,,',
    ',,',
    'a,md5,1',
    'a,=x,1',
    'a,sha256=?,1',
    'a,,x',
    'a,,-1',
    'a,,1e3',
    '"a,,\n',
    '"a"b,,\n',
    'a"b",,\n',
  ]
  for (const text of bad) assert.throws(() => parseRecord(Buffer.from(text)), PackagingError, text)
  assert.throws(() => parseRecord(Uint8Array.of(0xff, 0x2c, 0x2c)), PackagingError)
})

test('ZIP-BOMB: rows and fields without end are refused where they become too long', () => {
  const refused = (text: string, reason: RegExp): void => {
    assert.throws(() => parseRecord(Buffer.from(text)), reason)
  }
  refused(','.repeat(31 * 1024 * 1024), /does not have three fields/)
  refused('\n'.repeat(31 * 1024 * 1024), /too many rows/)
  refused('a'.repeat(31 * 1024 * 1024), /too long/)
  refused('"'.repeat(31 * 1024 * 1024), /too long/)
  assert.throws(() => parseRecord(Buffer.from('a,,\nb,,\n'), 1), /too many rows/)
  const longest = '"'.repeat(1024)
  assert.deepEqual(parseRecord(formatRecord([{ path: longest }])), [{ path: longest }])
})

test('what is written is read back', () => {
  const path = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed())
  const row = fc.record(
    { path, hash: fc.constant({ algorithm: 'sha256', digest: 'abc_-' }), size: fc.nat() },
    { requiredKeys: ['path'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      assert.deepEqual(parseRecord(formatRecord(rows)), rows)
    }),
  )
})

test('any bytes give rows or a PackagingError', () => {
  const piece = fc.constantFrom('"', ',', '\n', '\r', 'a', 'sha256=', '1', '=')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      try {
        parseRecord(Buffer.from(pieces.join('')))
      } catch (error) {
        if (!(error instanceof PackagingError)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})
