import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GuardError } from '@waxseal/guard'
import { netrcEdit } from './netrc-file.ts'

const LINE = 'machine packages.example login __token__ password wax_new\n'
const edit = (before: string, password = 'wax_new') =>
  netrcEdit(before, '.netrc', 'packages.example', '__token__', password)

test('an entry is added, before the one that matches every machine', () => {
  assert.deepEqual(edit(''), { text: LINE, conflicts: [] })
  assert.equal(edit('machine a login b password c').text, `machine a login b password c\n${LINE}`)
  const fallback = 'machine a\n  login b\n  password c\ndefault login x password y\n'
  assert.equal(edit(fallback).text, fallback.replace('default', `${LINE}default`))
  assert.equal(edit('machine a login b\r\n').text, `machine a login b\r\n${LINE.replace('\n', '\r\n')}`)
})

test('the same entry, however it is written, changes nothing', () => {
  for (const same of [
    LINE,
    'machine packages.example\n  # mine\n  login __token__\n  password wax_new\nmachine b login c password d\n',
    'machine "packages.example" user "__token__" account x password wax\\_new',
  ]) {
    assert.deepEqual(edit(same), { text: same, conflicts: [] })
  }
})

test('other credentials for the machine are a conflict; forced, they are replaced and nothing else', () => {
  const before =
    'machine packages.example account it login me\n  # mine\n  password #old # kept\nmachine b login c password d\n'
  const { text, conflicts } = edit(before)
  assert.equal(conflicts.length, 1)
  assert.doesNotMatch(conflicts.join(), /old|wax_new/)
  assert.equal(text, before.replace('login me', 'login __token__').replace('#old', 'wax_new'))
  assert.equal(edit('machine packages.example\n').text, LINE)
})

test('values may be words of the format: default, machine, macdef, login', () => {
  for (const word of ['default', 'machine', 'macdef', 'login', '"a b"', 'a\\ b', '#']) {
    const before = `machine a login ${word} password ${word}\nmachine packages.example login ${word} password ${word}\n`
    const { text } = edit(before)
    const ours = word.startsWith('"') ? LINE.replaceAll(/(?<= login | password )\S+/g, '"$&"') : LINE
    assert.equal(text, `machine a login ${word} password ${word}\n${ours}`, word)
    const others = `machine a login ${word} password ${word}\n`
    assert.equal(edit(others).text, others + LINE, word)
  }
})

test('of several entries of the machine, all are mended: some clients take the first, some the last', () => {
  const other = 'machine packages.example login a password b\n'
  assert.equal(edit(LINE + other).text, LINE + LINE)
  assert.equal(edit(LINE + LINE).conflicts.length, 0)
})

test('a password with quotes, backslashes or a # in front is written so that it is read again', () => {
  for (const password of ['a"b', '"', '\\', '#x', 'a\\"b#']) {
    const { text } = edit('', password)
    assert.deepEqual(edit(text, password), { text, conflicts: [] })
  }
})

test('what stands in a macro is no entry', () => {
  const macro = 'macdef init\nmachine packages.example login x password y\n\nmachine b login c password d\n'
  assert.deepEqual(edit(macro), { text: macro + LINE, conflicts: [] })
})

test('a file that Python refuses, or whose end would swallow an entry, is refused without what stands in it', () => {
  for (const [text, line] of [
    ['machine a login b hunter2\n', 1],
    ['machine a login b password c\n\n# hunter2 again\n', 3],
    ['machine a login b password c\nmacdef init\nhunter2\n', 2],
    ['machine a login b\npassword', 2],
    ['machine a login b\npassword "hunter2', 2],
    ['machine a login b password hunter2\\', 1],
  ] as const) {
    assert.throws(
      () => edit(text),
      (error) => {
        assert.ok(error instanceof GuardError && error.code === 'config-unreadable')
        assert.match(error.message, new RegExp(`line ${line}\\.`))
        assert.doesNotMatch(error.message, /hunter2/)
        return true
      },
      text,
    )
  }
})
