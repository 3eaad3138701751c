import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, oneof, property, string, constantFrom } from 'fast-check'
import { compareCodePoints } from './code-points.ts'

const text = oneof(
  string({ unit: 'binary' }),
  array(constantFrom('a', '~', '\uE000', '\uFFFF', '😀', '𐀀', 'é')).map((parts) => parts.join('')),
)

void test('ARB-5: characters beyond U+FFFF stand behind all others, as in Python and Go', () => {
  assert.deepEqual(['\uFF5E', '😀'].toSorted(), ['😀', '\uFF5E'])
  assert.ok(compareCodePoints('\uFF5E', '😀') < 0)
  assert.ok(compareCodePoints('\uFFFF', '\u{10000}') < 0)
  assert.ok(compareCodePoints('\uD7FF', '\uE000') < 0)
})

void test('the order is that of the code points, and of the bytes in UTF-8', () => {
  check(
    property(text, text, (a, b) => {
      const expected = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      assert.equal(Math.sign(compareCodePoints(a, b)), expected)
      assert.equal(Math.sign(compareCodePoints(b, a)), expected === 0 ? 0 : -expected)
    }),
  )
})
