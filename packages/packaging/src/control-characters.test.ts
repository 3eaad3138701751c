import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forTerminal, hasControlCharacters, withoutControlCharacters } from './control-characters.ts'

test('LOG: C0, DEL and C1 are control characters, and nothing beside them', () => {
  const found = Array.from({ length: 0x300 }, (_, code) => code).filter((code) =>
    hasControlCharacters(`a${String.fromCharCode(code)}b`),
  )
  const range = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at)
  assert.deepEqual(found, [...range(0, 0x1f), ...range(0x7f, 0x9f)])
  assert.equal(hasControlCharacters('Grüße, 世界 😀'), false)
})

test('LOG: a run of them becomes one space, at the ends none', () => {
  assert.equal(withoutControlCharacters('a\0b'), 'a b')
  assert.equal(withoutControlCharacters('\u001b[31mred\u001b[0m\r\n'), '[31mred [0m')
  assert.equal(withoutControlCharacters('\u009b\u0000'), '')
})

test('a text without them stays as it is, spaces included', () => {
  assert.equal(withoutControlCharacters('  broken on 3.9 '), '  broken on 3.9 ')
})

test('LOG: for a terminal, what turns the order of letters or ends a line is shown by its number too', () => {
  assert.equal(forTerminal('\u001b[31mred\u202egnp.exe\u2066x\u200f'), '[31mred\\u{202e}gnp.exe\\u{2066}x\\u{200f}')
  assert.equal(forTerminal('one\u2028two\u2029'), 'one\\u{2028}two\\u{2029}')
  assert.equal(forTerminal('  שלום, Grüße, 世界 👩‍💻 '), '  שלום, Grüße, 世界 👩‍💻 ')
})
