import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, date, property } from 'fast-check'
import { readTime, writeTime } from './timestamps.ts'

void test('a time is read as it was written, to the second', () => {
  const between = { min: new Date('1970-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }
  check(
    property(date(between), (time) => {
      assert.equal(readTime(writeTime(time.getTime())), Math.floor(time.getTime() / 1000) * 1000)
    }),
  )
})

for (const text of [
  '2030-02-30T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-01-01T00:00:60Z',
  '2030-01-01T00:00:00',
  '2030-01-01T00:00:00z',
  '2030-01-01T00:00:00.5Z',
  '2030-01-01T00:00:00+00:00',
  '2030-01-01 00:00:00Z',
  '+012030-01-01T00:00:00Z',
  '2030-01-01',
  '٢٠٣٠-01-01T00:00:00Z',
  'never',
  '',
]) {
  void test(`${JSON.stringify(text)} is no time: it would never expire`, () => {
    assert.equal(readTime(text), undefined)
  })
}
