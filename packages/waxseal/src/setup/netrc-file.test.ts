import assert from 'node:assert/strict'
import { test } from 'node:test'
import { netrcEdit } from './netrc-file.ts'

const LINE = 'machine packages.example login __token__ password wax_new\n'
const edit = (before: string) => netrcEdit(before, 'packages.example', '__token__', 'wax_new')

test('an entry is added, before the one that matches every machine', () => {
  assert.deepEqual(edit(''), { text: LINE, conflicts: [] })
  assert.equal(edit('machine a login b password c').text, `machine a login b password c\n${LINE}`)
  const fallback = 'machine a\n  login b\n  password c\ndefault login x password y\n'
  assert.equal(edit(fallback).text, fallback.replace('default', `${LINE}default`))
})

test('the same entry, however it is written, changes nothing', () => {
  for (const same of [
    LINE,
    'machine packages.example\n  # mine\n  login __token__\n  password wax_new\nmachine b login c password d\n',
  ]) {
    assert.deepEqual(edit(same), { text: same, conflicts: [] })
  }
})

test('other credentials for the machine are a conflict; forced, they are replaced and nothing else', () => {
  const before = 'machine packages.example login me password #old\nmachine b login c password d\n'
  const { text, conflicts } = edit(before)
  assert.equal(conflicts.length, 1)
  assert.doesNotMatch(conflicts.join(), /old|wax_new/)
  assert.equal(text, `${LINE}machine b login c password d\n`)
})

test('what stands in a macro is no entry', () => {
  const macro = 'macdef init\nmachine packages.example login x password y\n\nmachine b login c password d\n'
  assert.deepEqual(edit(macro), { text: macro + LINE, conflicts: [] })
})
