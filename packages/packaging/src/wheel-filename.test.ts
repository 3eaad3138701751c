import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseVersion } from './version.ts'
import { formatWheelFilename, parseWheelFilename } from './wheel-filename.ts'

const filenameInvalid = { name: 'PackagingError', code: 'filename-invalid' }

test('a wheel name gives project, version, build and tags', () => {
  assert.deepEqual(parseWheelFilename('Foo.Bar_baz-1.0.POST1-2b-py2.py3-none-any.whl'), {
    name: 'foo-bar-baz',
    rawName: 'Foo.Bar_baz',
    version: parseVersion('1.0.post1'),
    rawVersion: '1.0.POST1',
    build: { number: 2n, suffix: 'b' },
    pythonTags: ['py2', 'py3'],
    abiTags: ['none'],
    platformTags: ['any'],
  })
  const compressed = parseWheelFilename('foo-1!1.0+x.1-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl')
  assert.deepEqual(compressed.platformTags, ['manylinux2014_x86_64', 'manylinux_2_17_x86_64'])
  assert.equal(compressed.build, undefined)
})

test('FN-AMB, FN-PATH: names that clients could split differently are refused', () => {
  for (const filename of [
    'foo-1.0-py3-none-any.zip',
    'foo-1.0-py3-none-any.WHL',
    'foo-1.0-py3-none-any.whl\n',
    'foo-1.0-none-any.whl',
    'foo-1.0-x86_64_v3-py3-none-any.whl',
    'foo-1.0-1-2-py3-none-any.whl',
    'foo-1.0-1/2-py3-none-any.whl',
    'foo__bar-1.0-py3-none-any.whl',
    '_foo-1.0-py3-none-any.whl',
    '\u212Afoo-1.0-py3-none-any.whl',
    'foo- 1.0-py3-none-any.whl',
    'foo-1.x-py3-none-any.whl',
    'foo-1.0--none-any.whl',
    'foo-1.0-py3..py2-none-any.whl',
    'foo-1.0-py3-none-../any.whl',
    `foo-1.0-${'1'.repeat(17)}-py3-none-any.whl`,
    `foo-1.0-py3-none-${'a'.repeat(240)}.whl`,
    '',
    '.whl',
  ]) {
    assert.throws(() => parseWheelFilename(filename), filenameInvalid, filename)
  }
})

test('writing normalises name and version', () => {
  const wheel = parseWheelFilename('Foo.Bar-1.0.RC1-py3-none-any.whl')
  assert.equal(formatWheelFilename(wheel), 'foo_bar-1.0rc1-py3-none-any.whl')
})

test('a written name reads back as what was written', () => {
  const tag = fc.stringMatching(/^[a-z0-9_]{1,8}$/)
  const tags = fc.array(tag, { minLength: 1, maxLength: 3 })
  const build = fc.option(
    fc
      .tuple(fc.bigInt({ min: 0n, max: 99n }), fc.constantFrom('', 'a', '_x'))
      .map(([number, suffix]) => ({ number, suffix })),
    { nil: undefined },
  )
  fc.assert(
    fc.property(
      fc.constantFrom('foo', 'foo-bar', 'x9'),
      fc.constantFrom('1', '1.0', '2!3.4rc1.post2.dev3+l.5'),
      build,
      tags,
      tags,
      tags,
      (name, version, build, pythonTags, abiTags, platformTags) => {
        const wheel = {
          name,
          version: parseVersion(version),
          ...(build !== undefined && { build }),
          pythonTags,
          abiTags,
          platformTags,
        }
        const { rawName, rawVersion, ...read } = parseWheelFilename(formatWheelFilename(wheel))
        assert.deepEqual(read, wheel)
        assert.equal(rawName, name.replaceAll('-', '_'))
        assert.equal(rawVersion, version)
      },
    ),
  )
})
