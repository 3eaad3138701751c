import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEntryPoints } from './entry-points.ts'
import { MAX_ENTRY_POINTS_BYTES } from './limits.ts'

const metadataInvalid = { name: 'PackagingError', code: 'metadata-invalid' }

test('groups and entries are read, comments and empty lines skipped', () => {
  const text =
    '# c\n[console_scripts]\r\nfoo = foo.cli:main [extra]\nfoo-bar.v2=foo:bar\n\n; c\n[any group:x]\na b = c = d\n'
  assert.deepEqual(parseEntryPoints(text), [
    { group: 'console_scripts', name: 'foo', reference: 'foo.cli:main [extra]' },
    { group: 'console_scripts', name: 'foo-bar.v2', reference: 'foo:bar' },
    { group: 'any group:x', name: 'a b', reference: 'c = d' },
  ])
  assert.deepEqual(parseEntryPoints(''), [])
})

test('WHL-SCRIPT: a script may not take the place of an interpreter or leave its folder', () => {
  for (const group of ['console_scripts', 'gui_scripts']) {
    for (const name of [
      'python',
      'Python.exe',
      'PYTHON3.13',
      'python3.13t',
      'pythonw',
      'python3-config',
      'pypy3',
      'py',
      'py.exe',
      'python.bat',
      '../x',
      'a/b',
      'a\\b',
      '..',
      '.hidden',
      '-c',
      'a.',
      'a b',
      'é',
      'C:x',
    ]) {
      assert.throws(() => parseEntryPoints(`[${group}]\n${name} = m:f\n`), metadataInvalid, name)
    }
  }
  for (const name of ['pythonic', 'pyright', 'ipython3', 'pytest', 'python-build'])
    assert.equal(parseEntryPoints(`[console_scripts]\n${name} = m:f`).length, 1)
})

test("what Python's reader refuses, or would read differently, is refused", () => {
  for (const text of [
    'foo = bar',
    '[g]\nfoo',
    '[g]\nfoo: bar',
    '[g]\n= bar',
    '[g]\nfoo =',
    '[g]\na = b\n  c = d',
    '[g]\na = b\n  c',
    '[g]\na = b\na = c',
    '[g]\n[g]',
    '[]',
    '[ g ]',
    '[g] x\na = b',
  ]) {
    assert.throws(() => parseEntryPoints(text), metadataInvalid, JSON.stringify(text))
  }
})

test('REDOS: the size has a cap', () => {
  assert.throws(() => parseEntryPoints('#'.repeat(MAX_ENTRY_POINTS_BYTES + 1)), { code: 'limit-exceeded' })
})
