import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columns, terminalText } from './output.ts'

test('LOG: no text of a result gives the terminal a command or begins a line of its own', () => {
  const lines = columns([
    ['STATUS', 'REASON'],
    ['archived', 'gone\u001b[2J\u009b1mDone.\nnow'],
  ])
  assert.equal(terminalText(lines), 'STATUS    REASON\narchived  gone [2J 1mDone. now\n')
})
