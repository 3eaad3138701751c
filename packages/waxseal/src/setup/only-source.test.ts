import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { GuardError } from '@waxseal/guard'
import { onlySource } from './only-source.ts'

const URL_HERE = 'https://packages.example/simple/'
const TABLE = ['tool', 'uv', 'index']
const VALUES = new Map<string, string | boolean>([
  ['name', 'waxseal'],
  ['url', URL_HERE],
  ['default', true],
])
const edit = (before: string | undefined, keep: readonly string[] = []) =>
  onlySource(before, { path: 'pyproject.toml', table: TABLE, values: VALUES, keep })
const wanted = { name: 'waxseal', url: URL_HERE, default: true }
/** As plain objects: the parser's have no prototype. */
const sources = (text: string): unknown =>
  JSON.parse(JSON.stringify((parse(text) as { tool: { uv: { index: unknown } } }).tool.uv.index))

test('a file that has no source gets one at its end, and keeps every comment', () => {
  const before = '# ours\n[project]\nname = "x" # a name\n'
  const { text, conflicts } = edit(before)
  assert.deepEqual(conflicts, [])
  assert.ok(text.startsWith(`${before}\n[[tool.uv.index]]\n`), text)
  assert.deepEqual(sources(text), [wanted])
  assert.deepEqual(sources(edit(undefined).text), [wanted])
})

test('a second time nothing changes', () => {
  for (const before of [undefined, '[project]\nname = "x"', '[tool.uv]\nmanaged = true\n']) {
    const { text } = edit(before)
    assert.deepEqual(edit(text), { text, conflicts: [] })
  }
  const spelled = `[[tool.uv.index]]\n"url"="${URL_HERE.slice(0, -1)}" # mine\ndefault=true\nname='waxseal'\n`
  assert.deepEqual(edit(spelled), { text: spelled, conflicts: [] })
})

test('the public default is replaced in its place', () => {
  const before = `[[tool.uv.index]]\nname = "pypi"\nurl = "https://pypi.org/simple" # the old one\n\n[tool.other]\nx = 1\n`
  const { text, conflicts } = edit(before)
  assert.deepEqual(conflicts, [])
  assert.deepEqual(sources(text), [wanted])
  assert.match(text, /# the old one\ndefault = true\n\n\[tool\.other\]\nx = 1\n$/)
  assert.deepEqual(sources(edit(before, ['name']).text), [{ ...wanted, name: 'pypi' }])
})

test('DC-7 another source is a conflict that says so, without the password in its URL; forced, it is gone', () => {
  const other = '[[tool.uv.index]]\nname = "partner"\nurl = "https://me:hunter2@partner.example/simple/"\n\n'
  const { text, conflicts } = edit(`${other}# kept\n[tool.other]\n`)
  assert.equal(conflicts.length, 1)
  assert.match(conflicts[0] ?? '', /partner \(https:\/\/partner\.example\/simple\/\)/)
  assert.deepEqual(sources(text), [wanted])
  assert.match(text, /^# kept\n/)
})

test('our name with another URL is a conflict', () => {
  const { text, conflicts } = edit('[[tool.uv.index]]\nname = "waxseal"\nurl = "https://old.example/simple/"\n')
  assert.match(conflicts.join(), /waxseal is https:\/\/old\.example/)
  assert.deepEqual(sources(text), [wanted])
})

test('sources in another form are a conflict; forced, they are replaced where they are no part of another value', () => {
  const inline = '[tool.uv]\nindex = [{ name = "a", url = "https://a.example/" }]\n'
  assert.equal(edit(inline).conflicts.length, 1)
  assert.deepEqual(sources(edit(inline).text), [wanted])
  const inside = 'tool = { uv = { index = [{ name = "a", url = "https://a.example/" }] } }\n'
  assert.equal(edit(inside).text, inside)
  assert.equal(edit(inside).conflicts.length, 1)
})

test('a file that is not TOML is refused', () => {
  assert.throws(
    () => edit('[broken'),
    (error) => error instanceof GuardError && error.code === 'config-unreadable',
  )
})

test('a source is taken out with the tables below it', () => {
  const other = '[[tool.uv.index]]\nname = "a"\nurl = "https://a.example/"\n[tool.uv.index.cache-control]\napi = "x"\n'
  const { text, conflicts } = edit(`${other}\n[tool.other]\nx = 1\n`)
  assert.equal(conflicts.length, 1)
  assert.deepEqual(sources(text), [wanted])
  assert.ok(text.startsWith('[tool.other]\nx = 1\n'), text)
})
