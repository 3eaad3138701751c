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

test('WHL-SCRIPT: no script hides behind a line end or a header that only an installer sees', () => {
  for (const text of [
    '[x]\n# c\u2028[console_scripts]\u2028python = foo:main\n',
    '[x]\n# c\x0c[console_scripts]\x0cpython = foo:main\n',
    '[[console_scripts]\npython3.11 = foo:main\n',
    '[console_scripts]]\npython3.11 = foo:main\n',
    '[x]\na = b\n[console_scripts] = x\npython = foo:main\n',
    '[x]\n\xa0[[console_scripts]\npython = foo:main\n',
    '[console_scripts]\na = b\r[x]\npython = foo:main\n',
    '[DEFAULT]\npython = foo:main\n[console_scripts]\na = b\n',
    '[console_scripts]\n;python = foo:main\n',
    '\ufeff[console_scripts]\npython = foo:main\n',
    ...['\v', '\f', '\x1c', '\x1d', '\x1e', '\x1f', '\x85', '\u2028', '\u2029', '\ufeff', '\0', '\x7f', '\x9f'].map(
      (character) => `[x]\n# a${character}b\n`,
    ),
  ]) {
    assert.throws(() => parseEntryPoints(text), metadataInvalid, JSON.stringify(text))
  }
})

test('what old setuptools wrote is read: evenly indented, white space of any kind around', () => {
  const expected = [
    { group: 'console_scripts', name: 'a', reference: 'm:f' },
    { group: 'console_scripts', name: 'b', reference: 'm:g' },
    { group: 'x', name: 'c', reference: 'd' },
  ]
  for (const text of [
    '\n        [console_scripts]\n        a=m:f\n        b=m:g\n        [x]\n        c=d\n    ',
    '[console_scripts]\n\ta = m:f\n\tb = m:g\n\t[x]\n\t\tc = d',
    '[console_scripts]\n    a=m:f\n  b=m:g\n  # deep\n      # deeper\n\n[x]\n  c=d',
    '[console_scripts]\r\na=m:f \r\r\nb=m:g\u3000\r\n\xa0\r\n[x]\r\nc=\xa0d\r',
  ]) {
    assert.deepEqual(parseEntryPoints(text), expected, JSON.stringify(text))
  }
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
    '[g]\n a = b\n\n  [h]',
    '[g]\n  a = b\n c = d\n  e = f',
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
