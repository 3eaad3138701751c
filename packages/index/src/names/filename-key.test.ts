import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filenameKey, mergedFilenameKey } from './filename-key.ts'

test('FN-AMB: all spellings of one wheel are one file', () => {
  const key = filenameKey('foo-1.0-1a-py2.py3-none-any.whl')
  for (const filename of [
    'foo-1.0-1a-py3.py2-none-any.whl',
    'foo-1.0-01a-py2.py3-none-any.whl',
    'foo-1.0-1A-py2.py3-none-any.whl',
    'Foo-1.0-1a-Py2.py3-NONE-any.whl',
    'foo-1.0-1a-py2.py3.py2-none-any.whl',
  ]) {
    assert.equal(filenameKey(filename), key, filename)
  }
  for (const filename of [
    'foo-1.0-py2.py3-none-any.whl',
    'foo-1.0-2a-py2.py3-none-any.whl',
    'foo-1.0-1a-py3-none-any.whl',
  ]) {
    assert.notEqual(filenameKey(filename), key, filename)
  }
  const platforms = ['manylinux_2_17_x86_64.manylinux2014_x86_64', 'manylinux2014_x86_64.manylinux_2_17_x86_64']
  assert.equal(new Set(platforms.map((tags) => filenameKey(`foo-1.0-cp313-cp313-${tags}.whl`))).size, 1)
})

test('NAME-CASE: every other name without regard to case', () => {
  assert.equal(filenameKey('Foo-1.0.tar.gz'), 'foo-1.0.tar.gz')
  assert.equal(filenameKey('Not.a.Wheel.whl'), 'not.a.wheel.whl')
})

test('FN-AMB: in a merge, however the version is spelt, too', () => {
  const key = mergedFilenameKey('foo_bar-1.0-py2.py3-none-any.whl')
  for (const filename of ['foo.bar-1.0.0-py3.py2-none-any.whl', 'Foo_Bar-v1-py2.py3-none-any.whl']) {
    assert.equal(mergedFilenameKey(filename), key, filename)
  }
  for (const filename of ['foo_bar-1.0.1-py2.py3-none-any.whl', 'foo_bar-1.0-1-py2.py3-none-any.whl']) {
    assert.notEqual(mergedFilenameKey(filename), key, filename)
  }
})
