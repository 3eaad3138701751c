import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSdistFilename, parseSdistFilename, sdistVersionForProject } from './sdist-filename.ts'
import { parseVersion } from './version.ts'

const filenameInvalid = { name: 'PackagingError', code: 'filename-invalid' }

test('a PEP 625 name gives project and version, and is the only one for them', () => {
  const filename = 'foo_bar-1.0rc1.tar.gz'
  const parsed = parseSdistFilename(filename)
  assert.deepEqual(parsed, { name: 'foo-bar', version: parseVersion('1.0rc1') })
  assert.equal(formatSdistFilename('Foo.Bar', parsed.version), filename)
})

test('FN-AMB: every other spelling is refused', () => {
  for (const filename of [
    'foo-bar-1.0.tar.gz',
    'foo-1.0-post1.tar.gz',
    'Foo-1.0.tar.gz',
    'foo.bar-1.0.tar.gz',
    'foo-v1.0.tar.gz',
    'foo-1.0.RC1.tar.gz',
    'foo-1.0.zip',
    'foo-1.0.tar.bz2',
    'foo.tar.gz',
    '-1.0.tar.gz',
    'foo-.tar.gz',
    'foo- 1.0.tar.gz',
    'foo__bar-1.0.tar.gz',
    'foo-1.0.tar.gz\n',
    `foo-1.0+${'a'.repeat(250)}.tar.gz`,
  ]) {
    assert.throws(() => parseSdistFilename(filename), filenameInvalid, filename)
  }
})

test('FN-AMB: a legacy name belongs to a project only if that project is known', () => {
  const table: readonly (readonly [string, string, string | undefined])[] = [
    ['foo-bar-1.0.tar.gz', 'foo-bar', '1.0'],
    ['foo-bar-1.0.tar.gz', 'foo', undefined],
    ['foo-bar-1.0.tar.gz', 'bar', undefined],
    ['foo-3d-1.0.tar.gz', 'foo', undefined],
    ['foo-3d-1.0.tar.gz', 'foo-3d', '1.0'],
    ['Zope.Interface-3.0.0RC1.zip', 'zope-interface', '3.0.0rc1'],
    ['foo-1.0-1.tar.bz2', 'foo', '1.0.post1'],
    ['foo--bar-1.0.tgz', 'foo-bar', '1.0'],
    ['foo-2004b.tar.gz', 'foo', '2004b0'],
    ['foo-1.0x.tar.gz', 'foo', '1.0x'],
    ['foo-1.0.linux-x86_64.tar.gz', 'foo', undefined],
    ['foo-1.0.win32.zip', 'foo', undefined],
    ['foo-1.0.win-amd64.zip', 'foo', undefined],
    ['foo-1.0.mingw_x86_64.zip', 'foo', undefined],
    ['foo-latest.tar.gz', 'foo', undefined],
    ['foo-1.0.tar.xz', 'foo', undefined],
    ['foo-1.0.egg', 'foo', undefined],
    ['foo.tar.gz', 'foo', undefined],
    ['foo- 1.0.tar.gz', 'foo', undefined],
  ]
  for (const [filename, project, version] of table)
    assert.equal(sdistVersionForProject(filename, project), version, `${filename} on ${project}`)
})
