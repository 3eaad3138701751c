import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkUploadForm } from './upload-checks.ts'
import type { UploadPolicy } from './upload-checks.ts'
import { FIXTURE_POLICY, sdistFixture, wheelFixture } from './upload-fixture.ts'
import type { UploadRefusalCode } from './refusal.ts'

const SEE = 'See https://packaging.python.org/specifications/core-metadata for more information.'

type Form = Readonly<Record<string, string | readonly string[] | undefined>>

function answer(form: Form, policy: UploadPolicy = FIXTURE_POLICY): string {
  const { fields, filename } = wheelFixture({ form })
  const result = checkUploadForm(fields, { filename }, policy)
  return result.kind === 'refused' ? `${result.code}: ${result.message}` : 'ok'
}

test('a form as twine sends it says what is uploaded', () => {
  const { fields, filename } = wheelFixture({
    name: 'My.Demo',
    version: '1.0+corp.1',
    form: { comment: 'hi', md5_digest: 'ABC' },
  })
  const result = checkUploadForm(fields, { filename }, FIXTURE_POLICY)
  assert.ok(result.kind === 'ok')
  const { upload } = result
  assert.equal(upload.project, 'my-demo')
  assert.equal(upload.displayName, 'My.Demo')
  assert.equal(upload.versionKey, '1+corp.1')
  assert.equal(upload.kind, 'wheel')
  assert.equal(upload.pythonVersion, 'py3')
  assert.equal(upload.comment, 'hi')
  assert.equal(upload.digests.md5, 'abc')
  assert.equal(upload.metadata.version, '1.0+corp.1')
})

test('LOG: a comment is one line, and so is what else is kept as it was sent', () => {
  const { fields, filename } = wheelFixture({ form: { comment: 'fixed\u001b[2J\r\nGET /', pyversion: 'py3\u009b' } })
  const result = checkUploadForm(fields, { filename }, FIXTURE_POLICY)
  assert.equal(result.kind === 'ok' && result.upload.comment, 'fixed [2J GET /')
  assert.equal(result.kind === 'ok' && result.upload.pythonVersion, 'py3')
})

test('an sdist needs no python version, and the action may stand in the query', () => {
  const { fields, filename } = sdistFixture({
    form: { pyversion: undefined, ':action': undefined, protocol_version: undefined },
  })
  const result = checkUploadForm(fields, { filename }, FIXTURE_POLICY, 'file_upload')
  assert.equal(result.kind === 'ok' && result.upload.pythonVersion, 'source')
})

test('what a private index is friendlier about than PyPI is accepted', () => {
  assert.equal(answer({ classifiers: 'Private :: Do Not Upload' }), 'ok')
  assert.equal(answer({ requires_python: '', summary: 'UNKNOWN', provides_extras: ['a', 'b'] }), 'ok')
  assert.equal(answer({ name: undefined, NAME: 'demo' }), 'ok')
})

test('every bad form gets the sentence that PyPI’s users know', () => {
  const cases: readonly (readonly [Form, UploadRefusalCode, string])[] = [
    [
      { ':action': 'submit' },
      'upload-gone',
      'Project pre-registration is no longer required or supported, upload your files instead.',
    ],
    [
      { ':action': 'doc_upload' },
      'upload-gone',
      'Uploading documentation is no longer supported, we recommend using https://readthedocs.org/.',
    ],
    [
      { ':action': 'dance' },
      'upload-action-unknown',
      "The field ':action' has to be 'file_upload': this is the URL for uploads.",
    ],
    [
      { ':action': undefined },
      'upload-action-unknown',
      "The field ':action' has to be 'file_upload': this is the URL for uploads.",
    ],
    [{ protocol_version: '2' }, 'upload-protocol-version', 'Unknown protocol version.'],
    [{ name: undefined }, 'name-invalid', `'' is an invalid value for Name. Error: This field is required. ${SEE}`],
    [
      { name: '-demo' },
      'name-invalid',
      `'-demo' is an invalid value for Name. Error: Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'. ${SEE}`,
    ],
    [
      { name: `${'a'.repeat(40)}!${'b'.repeat(40)}` },
      'name-invalid',
      `'${'a'.repeat(30)}...${'b'.repeat(30)}' is an invalid value for Name. Error: Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'. ${SEE}`,
    ],
    [{ filetype: undefined }, 'upload-filetype', 'Invalid value for filetype. Error: This field is required.'],
    [{ filetype: 'bdist_egg' }, 'upload-filetype', 'Invalid value for filetype. Error: Use a known file type.'],
    [
      { sha256_digest: 'abc' },
      'upload-form-invalid',
      'Invalid value for sha256_digest. Error: Use a valid, hex-encoded, SHA256 message digest.',
    ],
    [
      { blake2_256_digest: 'z'.repeat(64) },
      'upload-form-invalid',
      'Invalid value for blake2_256_digest. Error: Use a valid, hex-encoded, BLAKE2 message digest.',
    ],
    [
      { pyversion: undefined },
      'upload-pyversion',
      'Error: Python version is required for binary distribution uploads.',
    ],
    [
      { filetype: 'sdist', pyversion: 'py3' },
      'upload-pyversion',
      "Error: Use 'source' as Python version for an sdist.",
    ],
    [{ sha256_digest: undefined }, 'upload-no-digest', 'Error: Include at least one message digest.'],
    [{ metadata_version: '9.9' }, 'upload-metadata-invalid', `'9.9' is not a valid metadata version. ${SEE}`],
    [{ version: ['1.0', '2.0'] }, 'upload-form-invalid', "The field 'version' was sent more than once."],
    [
      { version: '1.0+virtual.3' },
      'upload-local-version',
      "The local version label in '1.0+virtual.3' is reserved: labels that begin with 'virtual' are not allowed.",
    ],
  ]
  for (const [form, code, message] of cases) assert.equal(answer(form), `${code}: ${message}`)
})

test('the first error in PyPI’s order is the one that is reported', () => {
  assert.match(answer({ protocol_version: '2', name: '-', filetype: 'x' }), /^upload-protocol-version/)
  assert.match(answer({ name: '-', filetype: 'x', version: 'x' }), /^name-invalid/)
  assert.match(answer({ filetype: 'x', version: 'x' }), /^upload-filetype/)
  assert.match(answer({ version: 'x', summary: 'x'.repeat(600) }), /^upload-metadata-invalid: 'x'.*version/)
})

test('a version that is none is refused as metadata', () => {
  assert.match(answer({ version: 'one' }), /^upload-metadata-invalid: 'one' is .*See https/)
  assert.match(answer({ version: undefined }), /^upload-metadata-invalid: 'version' is a required field\. See https/)
})

test('PE-11: labels that begin with virtual are reserved for transitional wheels, other labels are a setting', () => {
  assert.match(answer({ version: '1.0+virtual' }), /^upload-local-version/)
  assert.match(answer({ version: '1.0+VIRTUAL.1' }), /^upload-local-version/)
  assert.match(answer({ version: '1.0+virtual99' }), /^upload-local-version/)
  assert.equal(answer({ version: '1.0+my.virtual' }), 'ok')
  assert.match(
    answer({ version: '1.0+corp' }, { ...FIXTURE_POLICY, localVersions: false }),
    /^upload-local-version: The use of local versions in '1\.0\+corp' is not allowed\. See/,
  )
})

test('EXD-6: a dependency by URL is refused in every field', () => {
  for (const field of ['requires_dist', 'provides_dist', 'obsoletes_dist']) {
    assert.match(
      answer({ [field]: 'evil @ https://evil.example/e.whl' }),
      /^upload-metadata-invalid: Can't have direct dependency: /,
    )
  }
})

test('a form without its file is refused after everything that the form alone can get wrong', () => {
  const { fields } = wheelFixture()
  assert.deepEqual(checkUploadForm(fields, undefined, FIXTURE_POLICY), {
    kind: 'refused',
    code: 'upload-no-file',
    message: 'Upload payload does not have a file.',
  })
})

test('REDOS, MD-INJ: whatever the fields hold, the answer is a value', () => {
  const valid = wheelFixture().fields
  const names = [
    ...valid.keys(),
    'summary',
    'requires_dist',
    'classifiers',
    'license_expression',
    'project_urls',
    '__proto__',
    'constructor',
  ]
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('UNKNOWN', '\0', '1.0', 'x>=1', 'a @ b', '>='),
    fc.string({ minLength: 5000, maxLength: 20_000 }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...names), fc.array(value, { maxLength: 3 }))), (changes) => {
      const result = checkUploadForm(new Map([...valid, ...changes]), { filename: 'x' }, FIXTURE_POLICY)
      if (result.kind === 'refused') assert.ok(result.message.length < 1000, result.message)
    }),
    { numRuns: 300 },
  )
})
