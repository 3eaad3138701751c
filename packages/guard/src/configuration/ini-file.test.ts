import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GuardError } from '../error.ts'
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
const ini = (text: string) => new IniFile(text, 'pip.conf')
const options = (text: string) =>
  ini(text)
    .options()
    .map(({ section, key, value }) => [section, key, value])

test('options are read as configparser reads them: continued, in lower case, with = or :', () => {
  assert.deepEqual(options(PIPRC), [
    ['global', 'timeout', '60'],
    ['global', 'extra-index-url', '\nhttps://one.example/simple/\nhttps://two.example/simple/'],
    ['install', 'find-links', '/wheels'],
  ])
})

test('a first option that is indented is an option, and what is deeper continues it', () => {
  assert.deepEqual(options('[global]\n  index-url = https://a.example/\n  timeout = 1\n    2\n'), [
    ['global', 'index-url', 'https://a.example/'],
    ['global', 'timeout', '1\n2'],
  ])
})

test('a new option joins its section, and everything else stays as it was', () => {
  const file = ini(PIPRC)
  file.set('global', 'index-url', 'https://packages.example/simple/')
  assert.equal(
    file.toString(),
    PIPRC.replace('two.example/simple/\n', 'two.example/simple/\nindex-url = https://packages.example/simple/\n'),
  )
  file.set('new', 'key', 'value')
  assert.ok(file.toString().endsWith('Find-Links: /wheels\n\n[new]\nkey = value\n'))
})

test('what is written among indented lines continues none, and is continued by none', () => {
  const file = ini('[global]\n  timeout = 1\n  retries = 2\n [install]\n[list]\n')
  file.set('global', 'timeout', '9')
  file.set('global', 'index-url', 'u')
  file.set('install', 'x', 'a\nb')
  assert.equal(
    file.toString(),
    '[global]\n  timeout = 9\n  retries = 2\n  index-url = u\n [install]\nx = a\n    b\n[list]\n',
  )
})

test('setting what is there changes nothing; setting something else replaces all its lines', () => {
  const file = ini(PIPRC)
  file.set('install', 'find-links', '/wheels')
  assert.equal(file.toString(), PIPRC)
  file.set('global', 'extra-index-url', 'x')
  assert.match(file.toString(), /timeout = 60\nextra-index-url = x\n\n# about/)
})

test('line ends stay, each as it is, and a last line without one', () => {
  const mixed = '[global]\r\ntimeout = 60\n# end'
  assert.equal(ini(mixed).toString(), mixed)
  const file = ini('[global]\r\ntimeout = 60')
  file.set('global', 'index-url', 'u')
  assert.equal(file.toString(), '[global]\r\ntimeout = 60\r\nindex-url = u\r\n')
})

test('what configparser refuses is refused, with its line and without what stands there', () => {
  for (const [text, line] of [
    ['password = hunter2\n', 1],
    ['[a]\nhunter2\n', 2],
    ['[a]\nx = 1\nX = hunter2\n', 3],
    ['[a]\n\n[a]\nx = hunter2\n', 3],
    ['[a]\n= hunter2\n', 2],
  ] as const) {
    assert.throws(
      () => ini(text),
      (error) => {
        assert.ok(error instanceof GuardError && error.code === 'config-unreadable')
        assert.match(error.message, new RegExp(`pip\\.conf.*line ${line},`))
        assert.doesNotMatch(error.message, /hunter2/)
        return true
      },
      text,
    )
  }
})
