import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ifNoneMatchHolds } from './entity-tag.ts'
import { parseRange, rangeFor } from './range.ts'

const partial = (start: number, end: number) => ({ kind: 'partial', range: { start, end } }) as const
const full = { kind: 'full' } as const
const unsatisfiable = { kind: 'unsatisfiable' } as const

test('RANGE: the forms that clients send (behaviour.md 7.3.5)', () => {
  assert.deepEqual(parseRange('bytes=0-0', 1000), partial(0, 1))
  assert.deepEqual(parseRange('bytes=5-', 1000), partial(5, 1000))
  assert.deepEqual(parseRange('bytes=-500', 1000), partial(500, 1000))
  assert.deepEqual(parseRange('bytes=-5000', 1000), partial(0, 1000))
  assert.deepEqual(parseRange('bytes=990-5000', 1000), partial(990, 1000))
  assert.deepEqual(parseRange('Bytes=007-8', 1000), partial(7, 9))
  assert.deepEqual(parseRange(undefined, 1000), full)
})

test('RANGE: what begins at or beyond the end is unsatisfiable', () => {
  for (const header of ['bytes=1000-', 'bytes=1000-1000', `bytes=${'9'.repeat(400)}-`, 'bytes=-0']) {
    assert.deepEqual(parseRange(header, 1000), unsatisfiable, header)
  }
  for (const header of ['bytes=0-', 'bytes=-1']) assert.deepEqual(parseRange(header, 0), unsatisfiable, header)
})

test('RANGE: several ranges, other units and nonsense are ignored', () => {
  for (const header of [
    'bytes=0-1,5-6',
    'lines=0-1',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes = 0-1',
    'bytes=a-b',
    'bytes=0x1-',
    'bytes=1-2-3',
    '',
  ]) {
    assert.deepEqual(parseRange(header, 1000), full, header)
  }
})

test('RANGE: If-Range lets a range through for the same strong tag only', () => {
  const file = { size: 10, etag: '"abc"' }
  assert.deepEqual(rangeFor({ range: 'bytes=5-', 'if-range': '"abc"' }, file), partial(5, 10))
  assert.deepEqual(rangeFor({ range: 'bytes=5-' }, file), partial(5, 10))
  for (const ifRange of ['"abd"', 'W/"abc"', 'abc', 'Sun, 22 Nov 2026 22:00:00 GMT', '']) {
    assert.deepEqual(rangeFor({ range: 'bytes=5-', 'if-range': ifRange }, file), full, ifRange)
  }
  assert.deepEqual(rangeFor({ range: 'bytes=10-', 'if-range': '"old"' }, file), full)
})

test('RANGE: a partial answer is never empty and never leaves the file, whatever is asked', () => {
  const number = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String), fc.nat(50).map(String), fc.constant(''))
  fc.assert(
    fc.property(number, number, fc.nat(40), (first, last, size) => {
      const answer = parseRange(`bytes=${first}-${last}`, size)
      if (answer.kind === 'partial') {
        const { start, end } = answer.range
        assert.ok(0 <= start && start < end && end <= size)
        if (first !== '') assert.equal(start, Number(first))
        else assert.equal(end, size)
      } else if (answer.kind === 'unsatisfiable') {
        assert.ok(size === 0 || first === '' ? true : Number(first) >= size)
      } else {
        assert.ok((first === '' && last === '') || (first !== '' && last !== '' && BigInt(last) < BigInt(first)))
      }
    }),
  )
})

test('If-None-Match is a list compared weakly; a star matches; nonsense does not', () => {
  for (const header of ['"a"', 'W/"a"', '"x", "a"', 'W/"x" ,W/"a"', '*', ' * ', '"x,y","a"']) {
    assert.ok(ifNoneMatchHolds(header, '"a"'), header)
  }
  for (const header of ['', 'a', '"', '"a', '"b"', '"xa"', '"ax"', '"x" a', `${'"x",'.repeat(5_000)}"a"`]) {
    assert.ok(!ifNoneMatchHolds(header, '"a"'), header)
  }
})
