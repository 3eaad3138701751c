import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { redactor, SECRETS, SIGNS } from './redact.ts'

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
    ['a URL with a password with an @', 'https://alice:hun@ter2@example.org/simple/', 'ter2'],
    ['a URL with a password with a slash', 'https://alice:hun/ter2@example.org/simple/', 'ter2'],
    ['a URL with both', 'https://alice:h@n/ter2@example.org/simple/', 'ter2'],
    ['a URL with a long password', `https://alice:${'hunter2'.repeat(100)}@example.org/`, 'hunter2'],
    ['a URL with a token for a user', `https://${'hunter2'.repeat(100)}@example.org/`, 'hunter2'],
    ['a token whose sign is encoded', TOKEN.replace('_', '%5F'), 'aB3'],
    ['a token that is encoded', encodeURIComponent(TOKEN).replaceAll('_', '%5f').replaceAll('-', '%2D'), 'aB3'],
    ['a token that is encoded twice', TOKEN.replaceAll('_', '%255F'), 'aB3'],
    ['a scheme of somebody else', 'Authorization: Token hunter2', 'hunter2'],
    ['a header without a scheme', 'authorization: hunter2', 'hunter2'],
    ['headers as an object', JSON.stringify({ Authorization: 'Token hunter2' }), 'hunter2'],
    ['headers as JSON in a line', JSON.stringify(JSON.stringify({ authorization: 'Token hunter2' })), 'hunter2'],
    ['a field', JSON.stringify({ password: 'a "hunter2" b' }), 'hunter2'],
    ['a field of JSON in a line', JSON.stringify(JSON.stringify({ password: 'a "\\hunter2" b' })), 'hunter2'],
    ['a token in JSON in a line', JSON.stringify('{"access_token": "hunter2"}'), 'hunter2'],
    ['a field of Python', "{'password': 'hunter2'}", 'hunter2'],
    ['a password in YAML', 'password: hunter2', 'hunter2'],
    ['a quoted password', JSON.stringify('password="hunter2" user=x'), 'hunter2'],
    ['the end of a longer name', 'client_secret=hunter2', 'hunter2'],
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
    for (const same of [
      'https://example.org/a@b',
      'https://example.org:8080/a@b',
      'https://[2001:db8::1]:8080/a@b',
      '{"user":"ci","token":"a1b2c3d4","msg":"password-changed"}',
    ]) {
      assert.equal(redact(same), same)
    }
  })

  // With an expression that is not linear each of these takes 10^11 steps and more: the test would not end.
  test('a line of a megabyte full of beginnings is gone through once', () => {
    const times = 200_000
    for (const [text, expected] of [
      ['://', '://'.repeat(times)],
      ['://a:b', '://a:b'.repeat(times)],
      ['://a:b/', '://a:b/'.repeat(times)],
      ['password":"', `password":"${'[redacted]":"'.repeat(times - 1)}`],
      ['authorization: ', `authorization: ${'[redacted] '.repeat(times - 1)}`],
      ['Basic ', 'Basic '.repeat(times)],
      ['a@', 'a@'.repeat(times)],
      ['wax_', '[redacted]'],
      ['password=', 'password=[redacted]'],
    ] as const) {
      assert.equal(redact(text.repeat(times)), expected, text)
    }
  })

  const pieces = [
    ['wax_', 'wax-', 'wax%5F', 'pypi-AgE', 'Basic ', 'bearer ', 'Token ', 'Authorization', 'password', 'passwd'],
    ['token', 'secret', '://', ':', '=', '@', '/', '"', '\\"', '\\\\', '\b', '\t', "'", ' ', '%2D', 'a', '1'],
    ['x'.repeat(40)],
  ].flat()
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((some) => some.join(''))

  test('whatever would be taken out is seen by the look before', () => {
    fc.assert(
      fc.property(text, (line) => SIGNS.test(line) || line.replaceAll(SECRETS, '') === line),
      { numRuns: 20_000 },
    )
  })

  test('a line of JSON stays one', () => {
    fc.assert(
      fc.property(text, text, (key, value) => {
        JSON.parse(redact(JSON.stringify({ [key]: value, inner: JSON.stringify({ [key]: value }) })))
      }),
      { numRuns: 20_000 },
    )
  })
})
