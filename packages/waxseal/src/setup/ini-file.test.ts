import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IniFile } from './ini-file.ts'

const PIPRC = `; mine
[global]
timeout = 60
extra-index-url =
    https://one.example/simple/
    # not this one
    https://two.example/simple/

# about installing
[install]
Find-Links: /wheels
`

test('options are read as configparser reads them: continued, in lower case, with = or :', () => {
  assert.deepEqual(
    new IniFile(PIPRC).options().map(({ section, key, value }) => [section, key, value]),
    [
      ['global', 'timeout', '60'],
      ['global', 'extra-index-url', 'https://one.example/simple/\nhttps://two.example/simple/'],
      ['install', 'find-links', '/wheels'],
    ],
  )
})

test('a new option joins its section, and everything else stays as it was', () => {
  const file = new IniFile(PIPRC)
  file.set('global', 'index-url', 'https://packages.example/simple/')
  assert.equal(
    file.toString(),
    PIPRC.replace('two.example/simple/\n', 'two.example/simple/\nindex-url = https://packages.example/simple/\n'),
  )
  file.set('new', 'key', 'value')
  assert.ok(file.toString().endsWith('Find-Links: /wheels\n\n[new]\nkey = value\n'))
})

test('setting what is there changes nothing; setting something else replaces all its lines', () => {
  const file = new IniFile(PIPRC)
  file.set('install', 'find-links', '/wheels')
  assert.equal(file.toString(), PIPRC)
  file.set('global', 'extra-index-url', 'x')
  assert.match(file.toString(), /timeout = 60\nextra-index-url = x\n\n# about/)
})

test('line ends of Windows stay', () => {
  const file = new IniFile('[global]\r\ntimeout = 60\r\n')
  file.set('global', 'index-url', 'u')
  assert.equal(file.toString(), '[global]\r\ntimeout = 60\r\nindex-url = u\r\n')
})
