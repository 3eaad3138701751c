import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { checkJsonShape } from './json-shape.ts'
import { MAX_JSON_COMMAS, MAX_JSON_CONTAINERS, MAX_JSON_DEPTH, MAX_JSON_MEMBERS } from './limits.ts'

const limitExceeded = { name: 'PackagingError', code: 'limit-exceeded' }
const check = (text: string): void => checkJsonShape(Buffer.from(text))
const members = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"${index}":0`).join()}}`

test('REDOS: depth has a limit, in lists and in objects', () => {
  check('['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH))
  check(`[${'[[]],'.repeat(1000)}[]]`)
  assert.throws(() => check('['.repeat(MAX_JSON_DEPTH + 1)), limitExceeded)
  assert.throws(() => check('{"a":'.repeat(MAX_JSON_DEPTH + 1)), limitExceeded)
})

test('REDOS: objects and lists have a number', () => {
  const empties = (count: number): string => `[${'{},'.repeat(count - 2)}[]]`
  check(empties(MAX_JSON_CONTAINERS))
  assert.throws(() => check(empties(MAX_JSON_CONTAINERS + 1)), limitExceeded)
})

test('REDOS: values have a number', () => {
  check(`[${'0,'.repeat(MAX_JSON_COMMAS)}0]`)
  assert.throws(() => check(`[${'0,'.repeat(MAX_JSON_COMMAS + 1)}0]`), limitExceeded)
})

test('REDOS: the members of one object have a number, those of many objects not', () => {
  const most = members(MAX_JSON_MEMBERS)
  check(`[${most},${most},{"a":[${most}],"b":${most}}]`)
  assert.throws(() => check(members(MAX_JSON_MEMBERS + 1)), limitExceeded)
  assert.throws(() => check(`{"a":${'[1,2],"b":'.repeat(MAX_JSON_MEMBERS)}0}`), limitExceeded)
})

test('what stands in strings does not count', () => {
  for (const text of ['[', '{', ',', '\\"[', '\\\\\\"[', '\\u005b[']) check(`["${text.repeat(MAX_JSON_COMMAS / 2)}"]`)
  assert.throws(() => check(`["\\\\",${'['.repeat(MAX_JSON_DEPTH)}`), limitExceeded)
})

test('any JSON of modest size passes, and any bytes end', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => check(JSON.stringify(value))))
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        checkJsonShape(bytes)
      } catch (error) {
        if (!(error instanceof PackagingError)) throw error
      }
    }),
  )
})
