import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVersion } from '@waxseal/packaging'
import fc from 'fast-check'
import { checkFilenameForm, checkFilenameMatches } from './upload-filename.ts'

const strict = { linuxTags: false }

function matches(filename: string, version = '1.0', project = 'my-app'): string | undefined {
  const kind = filename.endsWith('.whl') ? 'wheel' : 'sdist'
  return checkFilenameMatches({ kind, filename, project, version: parseVersion(version) }, strict)?.message
}

test('FN-PATH: a file name is a plain name of the right kind', () => {
  const cases: readonly (readonly [string, 'wheel' | 'sdist', RegExp | undefined])[] = [
    ['my_app-1.0.tar.gz', 'sdist', undefined],
    ['my_app-1.0-py3-none-any.whl', 'wheel', undefined],
    ['../x.whl', 'wheel', /^Cannot upload a file with '\/' or '\\' in the name\.$/],
    [String.raw`a\b.whl`, 'wheel', /^Cannot upload a file with '\/' or '\\' in the name\.$/],
    ['a\0.whl', 'wheel', /^Cannot upload a file with non-printable characters in the name\.$/],
    ['a\n.whl', 'wheel', /non-printable/],
    ['%2e%2e%2fx.whl', 'wheel', /has to begin with a letter or a digit/],
    ['C:x.whl', 'wheel', /may hold ASCII letters/],
    ['a\u202ex.whl', 'wheel', /may hold ASCII letters/],
    ['.whl', 'wheel', /has to begin/],
    [`${'a'.repeat(300)}.whl`, 'wheel', /may hold ASCII letters/],
    ['my_app-1.0.zip', 'sdist', /^Invalid file extension: Use \.tar\.gz for an sdist\.$/],
    ['my_app-1.0.tar.gz', 'wheel', /^Invalid file extension: Use \.whl for a wheel\.$/],
  ]
  for (const [filename, kind, expected] of cases) {
    const refusal = checkFilenameForm(filename, kind)
    if (expected === undefined) assert.equal(refusal, undefined, filename)
    else assert.match(refusal?.message ?? 'accepted', expected, filename)
  }
})

test('FN-AMB: an sdist is called exactly after its normalised project and version', () => {
  assert.equal(matches('my_app-1.0.tar.gz'), undefined)
  assert.equal(matches('other-1.0.tar.gz'), "Start filename for 'my-app' with 'my_app'.")
  assert.equal(
    matches('my-app-1.0.tar.gz'),
    "Start filename for 'my-app' with 'my_app'. Older build backends do not; build it again with a current one (PEP 625).",
  )
  assert.equal(
    matches('my_app-1.0.0.tar.gz'),
    "Filename 'my_app-1.0.0.tar.gz' is invalid, should be 'my_app-1.0.tar.gz'.",
  )
  assert.equal(
    matches('my_app-1.0-post1.tar.gz', '1.0.post1'),
    "Filename 'my_app-1.0-post1.tar.gz' is invalid, should be 'my_app-1.0.post1.tar.gz'.",
  )
})

test('FN-AMB: a wheel is called after its normalised project, and its version is spelt as in the form', () => {
  assert.equal(matches('my_app-1.0-py3-none-any.whl'), undefined)
  assert.equal(matches('my_app-1.0-1-py3-none-any.whl'), undefined)
  assert.equal(matches('other-1.0-py3-none-any.whl'), "Start filename for 'my-app' with 'my_app'.")
  assert.equal(
    matches('My.App-1.0-py3-none-any.whl'),
    "Filename 'My.App-1.0-py3-none-any.whl' should contain the normalized project name 'my_app', not 'My.App'.",
  )
  assert.equal(matches('my_app-1.0.0-py3-none-any.whl'), "Version in filename should be '1.0' not '1.0.0'.")
  for (const version of ['v1.0rc1', '1.0.RC.1', '01.0rc1', '1.0c1', '1.0-rc1']) {
    assert.notEqual(matches(`my_app-${version}-py3-none-any.whl`, '1.0rc1'), undefined, version)
  }
  assert.equal(matches('my_app-v1.0-py3-none-any.whl'), "Version in filename should be '1.0' not 'v1.0'.")
  assert.match(
    matches('my_app-1.0-any.whl') ?? '',
    /^Invalid filename: 'my_app-1\.0-any\.whl' is not a wheel's file name/,
  )
})

test('FN-PLAT: platform tags are those of PyPI, and linux tags where they are allowed', () => {
  const wheel = {
    kind: 'wheel',
    filename: 'my_app-1.0-cp313-cp313-linux_x86_64.whl',
    project: 'my-app',
    version: parseVersion('1.0'),
  } as const
  assert.equal(checkFilenameMatches(wheel, { linuxTags: true }), undefined)
  assert.deepEqual(checkFilenameMatches(wheel, strict), {
    kind: 'refused',
    code: 'upload-platform-tag',
    message: "Binary wheel 'my_app-1.0-cp313-cp313-linux_x86_64.whl' has an unsupported platform tag 'linux_x86_64'.",
  })
  assert.match(matches('my_app-1.0-cp313-cp313-amiga.whl') ?? '', /unsupported platform tag 'amiga'/)
})

test('whatever the file name, the answer is a value', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('my_app', '1.0', '-', '.', '+', 'py3', 'none', 'any', '.whl', '.tar.gz', '/', '\0'))
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(name, fc.constantFrom('wheel', 'sdist'), (filename, kind) => {
      const refusal =
        checkFilenameForm(filename, kind) ??
        checkFilenameMatches({ kind, filename, project: 'my-app', version: parseVersion('1.0') }, strict)
      assert.ok(refusal === undefined || refusal.message.length < 2000)
    }),
  )
})
