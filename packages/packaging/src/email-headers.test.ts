import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEmailHeaders } from './email-headers.ts'

const parse = (text: string) => parseEmailHeaders(new TextEncoder().encode(text))
const headers = (text: string) => parse(text).headers.map(({ name, value }) => [name, value])

test('headers end at the first empty line, the body follows as it is', () => {
  const message = parse('Name: foo\nSummary:   a: b \n\nName: bar\r\n\n x')
  assert.deepEqual(message, {
    headers: [
      { name: 'Name', value: 'foo' },
      { name: 'Summary', value: 'a: b ' },
    ],
    body: 'Name: bar\r\n\n x',
    defects: [],
  })
})

test('MD-INJ: folded lines belong to the header before them, line ends included', () => {
  assert.deepEqual(headers('License: a\n  b\n\tc\nName: x\n'), [
    ['License', 'a\n  b\n\tc'],
    ['Name', 'x'],
  ])
  assert.deepEqual(headers('Name:\n foo\n'), [['Name', '\n foo']])
})

test('MD-INJ: a lone carriage return ends a line, as it does for Python', () => {
  assert.deepEqual(headers('Name: foo\rRequires-Dist: evil\r\nVersion: 1\n'), [
    ['Name', 'foo'],
    ['Requires-Dist', 'evil'],
    ['Version', '1'],
  ])
})

test('MD-INJ: duplicates are all reported, in order', () => {
  assert.deepEqual(headers('Name: a\nname: b\nName: a\n'), [
    ['Name', 'a'],
    ['name', 'b'],
    ['Name', 'a'],
  ])
})

test('a line that is no header begins the body', () => {
  for (const line of ['no colon', 'Name : x', 'Näme: x', '\u{FEFF}Name: x', '\0: x']) {
    const message = parse(`Version: 1\n${line}\nName: foo\n`)
    assert.deepEqual(message.headers, [{ name: 'Version', value: '1' }], line)
    assert.equal(message.body, `${line}\nName: foo\n`)
    assert.deepEqual(message.defects, ['missing-separator'])
  }
})

test('oddities that Python reads past are defects', () => {
  assert.deepEqual(parse(' x\nName: a\n').defects, ['first-header-is-continuation'])
  assert.deepEqual(parse(': x\nName: a\n').defects, ['missing-header-name'])
  assert.deepEqual(parse('A: b\nFrom me\nName: a\n').defects, ['misplaced-envelope'])
  assert.deepEqual(parse('From me\nName: a\n'), { headers: [{ name: 'Name', value: 'a' }], body: '', defects: [] })
  assert.deepEqual(parse('Name: a\nFrom me\n\nbody'), {
    headers: [{ name: 'Name', value: 'a' }],
    body: 'From me\nbody',
    defects: [],
  })
})

test('what is not UTF-8 is refused, and nothing is empty', () => {
  assert.throws(() => parseEmailHeaders(Uint8Array.of(0x41, 0x3a, 0xff)), { code: 'metadata-invalid' })
  assert.deepEqual(parse(''), { headers: [], body: '', defects: [] })
})
