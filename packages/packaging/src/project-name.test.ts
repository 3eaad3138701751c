import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_NAME_LENGTH } from './limits.ts'
import { isValidProjectName, normalizeExtra, normalizeProjectName, ultranormalizeProjectName } from './project-name.ts'

const nameInvalid = { name: 'PackagingError', code: 'name-invalid' }
const validName = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?$/)

test('a name is ASCII letters, digits and separators, with a letter or digit at both ends', () => {
  for (const name of ['a', '0', 'A.b_c-d', 'zope.interface', 'x--y', '9'])
    assert.equal(isValidProjectName(name), true, name)
  for (const name of ['', '-a', 'a-', '.a', 'a_', 'a b', 'a\n', '\na', 'é', 'a/b', 'a%', 'a\0']) {
    assert.equal(isValidProjectName(name), false, JSON.stringify(name))
  }
})

test('REDOS: a name has a length cap, and the longest one is read at once', () => {
  assert.equal(isValidProjectName('a'.repeat(MAX_NAME_LENGTH)), true)
  assert.equal(isValidProjectName('a'.repeat(MAX_NAME_LENGTH + 1)), false)
  assert.equal(isValidProjectName(`a${'-'.repeat(1_000_000)}`), false)
})

test('U+212A and U+017F do not pass for k and s, before or after lower-casing', () => {
  for (const name of ['\u212Aerberos', 're\u017Ft', 'pa\u212Aage', '\u017F']) {
    assert.equal(isValidProjectName(name), false)
    assert.throws(() => normalizeProjectName(name), nameInvalid)
    assert.throws(() => normalizeExtra(name), nameInvalid)
    assert.throws(() => ultranormalizeProjectName(name), nameInvalid)
  }
})

test('NAME-CASE: spellings of one project share a normal form', () => {
  for (const name of ['Foo.Bar', 'foo_bar', 'FOO--BAR', 'foo.-_bar'])
    assert.equal(normalizeProjectName(name), 'foo-bar')
  assert.equal(normalizeExtra('Dev_Tools'), 'dev-tools')
})

test('normalising is idempotent and its result is valid', () => {
  fc.assert(
    fc.property(validName, (name) => {
      const normal = normalizeProjectName(name)
      assert.equal(normalizeProjectName(normal), normal)
      assert.equal(isValidProjectName(normal), true)
      assert.match(normal, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    }),
  )
})

test('whatever the string, a name is either valid or refused with a code', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      if (isValidProjectName(name)) normalizeProjectName(name)
      else assert.throws(() => normalizeProjectName(name), nameInvalid)
    }),
  )
})

test('NAME-CONF: names that people confuse collapse onto one', () => {
  const lookAlikes = ['Flask-Login', 'flasklogin', 'f1ask_l0gin', 'fIask.Log1n']
  assert.deepEqual([...new Set(lookAlikes.map(ultranormalizeProjectName))], ['f1ask10g1n'])
  assert.notEqual(ultranormalizeProjectName('requests'), ultranormalizeProjectName('request'))
})
