import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { assert as check, integer, property, string } from 'fast-check'
import { binCount, binName, binOf, isBinName } from './succinct-bins.ts'

const bits = integer({ min: 1, max: 20 })

void test('TAP 15: names are as long as the last one needs', () => {
  const name = (bitLength: number, number: number) => binName({ bitLength, namePrefix: 'bin' }, number)
  assert.deepEqual(
    [name(1, 1), name(4, 15), name(5, 1), name(8, 255), name(14, 0), name(14, 16383)],
    ['bin-1', 'bin-f', 'bin-01', 'bin-ff', 'bin-0000', 'bin-3fff'],
  )
})

void test('TAP 15: the first bits of the sha256 of the path choose the bin', () => {
  check(
    property(bits, string({ unit: 'binary' }), (bitLength, path) => {
      const digits = createHash('sha256').update(path).digest('hex')
      const expected = Number(BigInt(`0x${digits}`) >> BigInt(256 - bitLength))
      const number = binOf({ bitLength, namePrefix: 'bin' }, path)
      assert.equal(number, expected)
      assert.ok(number < binCount({ bitLength, namePrefix: 'bin' }))
    }),
  )
})

void test('a name is a bin just if it is spelt as the bin is', () => {
  check(
    property(bits, integer({ min: 0, max: 2 ** 20 - 1 }), string(), (bitLength, number, other) => {
      const bins = { bitLength, namePrefix: 'bin' }
      assert.equal(isBinName(bins, binName(bins, number)), number < binCount(bins))
      assert.equal(isBinName(bins, `bin-${other}`), /^[0-9a-f]+$/.test(other) && isOne(bins, `bin-${other}`))
    }),
  )
  const bins = { bitLength: 8, namePrefix: 'bin' }
  for (const name of [
    'bin-0',
    'bin-000',
    'bin-FF',
    'bin-100',
    'bin_00',
    'bib-00',
    'bin-',
    'bin',
    '',
    'bin-0x1',
    'bin- 1',
  ]) {
    assert.equal(isBinName(bins, name), false, name)
  }
})

function isOne(bins: { bitLength: number; namePrefix: string }, name: string): boolean {
  const number = Number.parseInt(name.slice('bin-'.length), 16)
  return number < binCount(bins) && binName(bins, number) === name
}
