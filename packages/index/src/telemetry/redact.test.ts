import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { redactor } from './redact.ts'

const TOKEN = `wax_${'aB3-_'.repeat(9)}`

suite('what looks like a secret leaves no trace in a line', () => {
  const redact = redactor(['p"w\\ secret', 'tiny', 'known-secret'])

  const gone: readonly (readonly [string, string, string])[] = [
    ['a token', TOKEN, 'wax_'],
    ['a token as a project name', TOKEN.toLowerCase().replaceAll(/[-_]+/g, '-'), 'ab3'],
    ['a token of PyPI', `pypi-AgEIcHlwaS5vcmcCJ${'x'.repeat(40)}`, 'AgE'],
    ['a URL with a password', 'https://alice:hunter2@example.org/simple/', 'hunter2'],
    ['the URL of a database', 'postgres://waxseal:hunter2@db:5432/waxseal', 'hunter2'],
    ['an Authorization header', 'Authorization: Basic YWxpY2U6aHVudGVyMg==', 'YWxp'],
    ['a bearer token', 'bearer abcdef0123456789', 'abcdef'],
    ['a password in a message', 'connection failed, password=hunter2 user=x', 'hunter2'],
    ['a configured one', 'it was known-secret all along', 'known-secret'],
    ['a configured one within JSON', JSON.stringify({ x: 'p"w\\ secret' }), 'secret'],
    ['a configured one within an address', `/simple/${encodeURIComponent('p"w\\ secret')}/`, 'secret'],
  ]
  for (const [name, line, secret] of gone) {
    test(name, () => assert.ok(!redact(`before ${line} after`).includes(secret), redact(line)))
  }

  test('what is none stays, and a short one is not looked for', () => {
    const line = '{"path":"/simple/wax-seal/","client":"10.0.0.1","agent":"pip/26.0","x":"tiny"}'
    assert.equal(redact(line), line)
    assert.equal(redact('https://example.org/a@b'), 'https://example.org/a@b')
  })

  // With an expression that is not linear each of these takes 10^11 steps and more: the test would not end.
  test('a line of a megabyte full of beginnings is gone through once', () => {
    const times = 200_000
    for (const [text, expected] of [
      ['://', '://'.repeat(times)],
      ['Basic ', 'Basic '.repeat(times)],
      ['a@', 'a@'.repeat(times)],
      ['wax_', '[redacted]'],
      ['password=', 'password=[redacted]'],
    ] as const) {
      assert.equal(redact(text.repeat(times)), expected, text)
    }
  })
})
