import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columns, counted, folded, resultText, sizeText, terminalText } from './output.ts'

test('LOG: no text of a result gives the terminal a command or begins a line of its own', () => {
  const lines = columns([
    ['STATUS', 'REASON'],
    ['archived', 'gone\u001b[2J\u009b1mDone.\nnow'],
  ])
  assert.equal(terminalText(lines), 'STATUS    REASON\narchived  gone [2J 1mDone. now\n')
})

test('LOG: nor turns what is read around, as lines or as JSON, which says the same', () => {
  const document = { reason: 'gone\u001b[2J\u009b1m\u202eDone.\u2028Now' }
  assert.equal(terminalText([document.reason]), 'gone [2J 1m\\u{202e}Done.\\u{2028}Now\n')
  const text = resultText({ json: true }, document, [])
  assert.match(text, /^[\x20-\x7e]+\n$/)
  assert.deepEqual(JSON.parse(text), document)
})

test('a line is folded at spaces, below its own beginning, and loses nothing', () => {
  assert.deepEqual(folded('hits  page 71 %, store 8 %', 6, 16), ['hits  page 71 %,', '      store 8 %'])
  assert.deepEqual(folded('it fits', 2, 7), ['it fits'])
  assert.deepEqual(folded('at  https://a.example/long x', 4, 12), ['at', '    https://a.example/long', '    x'])
})

test('one of something is told in the singular, a number of bytes in the unit that suits', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'file')),
    ['0 files', '1 file', '2 files'],
  )
  assert.deepEqual([0, 1023, 1024, 5 * 1024 ** 5].map(sizeText), ['0 B', '1023 B', '1.0 KiB', '5120.0 TiB'])
})
