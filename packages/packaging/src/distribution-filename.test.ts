import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { classifyDistribution, isSafeFilename } from './distribution-filename.ts'
import { MAX_FILENAME_LENGTH } from './limits.ts'

test('FN-PATH: a safe file name is one plain ASCII path component', () => {
  for (const filename of ['foo-1.0.tar.gz', 'foo-1!1.0+x.1-py3-none-any.whl', 'a', 'a'.repeat(MAX_FILENAME_LENGTH)]) {
    assert.equal(isSafeFilename(filename), true, filename)
  }
  for (const filename of [
    '',
    '.',
    '..',
    '../x.whl',
    'a\\b',
    'a/b',
    '%2e%2e%2f',
    '%252e',
    'C:x',
    'a\0b',
    'a\u202Egnp.whl',
    'é.whl',
    'a b',
    'a\n',
    '\ta',
    '.hidden',
    '-rf',
    'a.',
    'a"b',
    '<a>',
    'a'.repeat(MAX_FILENAME_LENGTH + 1),
  ]) {
    assert.equal(isSafeFilename(filename), false, JSON.stringify(filename))
  }
})

test('an upstream file is classified by the project on whose page it stands', () => {
  const classify = (filename: string) => classifyDistribution(filename, 'foo-bar')
  assert.deepEqual(classify('Foo_Bar-01.0-py3-none-any.whl'), { kind: 'wheel', version: '1.0' })
  assert.deepEqual(classify('foo-bar-1.0c1.tar.gz'), { kind: 'sdist', version: '1.0rc1' })
  assert.deepEqual(classify('foo.bar-1.0.zip'), { kind: 'sdist', version: '1.0' })
  assert.deepEqual(classify('foo_bar-1.0.tar.bz2'), { kind: 'sdist', version: '1.0' })
  for (const filename of [
    'foo_bar-1.0-py3.11.egg',
    'foo_bar-1.0.win32.exe',
    'foo_bar-1.0.win32-py2.7.msi',
    'foo_bar-1.0-1.noarch.rpm',
    'foo-1.0.tar.gz',
    'foo-1.0-py3-none-any.whl',
    'foo_bar-x-py3-none-any.whl',
    'foo_bar-1.0.whl',
    '../foo_bar-1.0.tar.gz',
    'foo_bar-1.0.tar.gz.asc',
  ]) {
    assert.equal(classify(filename), undefined, filename)
  }
})

test('FN-POISON: no file name makes classification throw', () => {
  const parts = fc.constantFrom(
    'foo',
    'bar',
    '-',
    '.',
    '1',
    '1.0',
    '_',
    '!',
    '+',
    'py3',
    'none',
    'any',
    '.whl',
    '.tar.gz',
    '.zip',
    '%',
    '\0',
    'é',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), (pieces) => {
      const result = classifyDistribution(pieces.join(''), 'foo')
      assert.ok(result === undefined || isSafeFilename(pieces.join('')))
    }),
    { numRuns: 2000 },
  )
})
