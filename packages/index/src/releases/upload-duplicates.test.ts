import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localFilenameKey } from './upload-duplicates.ts'

test('FN-AMB: all spellings of one wheel are one file', () => {
  const key = localFilenameKey('foo-1.0-1a-py2.py3-none-any.whl')
  for (const filename of [
    'foo-1.0-1a-py3.py2-none-any.whl',
    'foo-1.0-01a-py2.py3-none-any.whl',
    'foo-1.0-1A-py2.py3-none-any.whl',
    'Foo-1.0-1a-Py2.py3-NONE-any.whl',
    'foo-1.0-1a-py2.py3.py2-none-any.whl',
  ]) {
    assert.equal(localFilenameKey(filename), key, filename)
  }
  for (const filename of [
    'foo-1.0-py2.py3-none-any.whl',
    'foo-1.0-2a-py2.py3-none-any.whl',
    'foo-1.0-1a-py3-none-any.whl',
  ]) {
    assert.notEqual(localFilenameKey(filename), key, filename)
  }
  const platforms = ['manylinux_2_17_x86_64.manylinux2014_x86_64', 'manylinux2014_x86_64.manylinux_2_17_x86_64']
  assert.equal(new Set(platforms.map((tags) => localFilenameKey(`foo-1.0-cp313-cp313-${tags}.whl`))).size, 1)
})

test('NAME-CASE: every other name without regard to case', () => {
  assert.equal(localFilenameKey('Foo-1.0.tar.gz'), 'foo-1.0.tar.gz')
  assert.equal(localFilenameKey('Not.a.Wheel.whl'), 'not.a.wheel.whl')
})
