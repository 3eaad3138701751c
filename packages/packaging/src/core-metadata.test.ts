import assert from 'node:assert/strict'
import { test } from 'node:test'
import { METADATA_FIELDS } from './core-metadata-fields.ts'
import { coreMetadataFromForm, parseCoreMetadata } from './core-metadata.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_VALUES } from './limits.ts'

const parse = (text: string) => parseCoreMetadata(new TextEncoder().encode(text))
const form = (fields: Record<string, string | string[]>) =>
  coreMetadataFromForm(new Map(Object.entries(fields).map(([name, value]) => [name, [value].flat()])))
const metadataInvalid = { name: 'PackagingError', code: 'metadata-invalid' }
const limitExceeded = { name: 'PackagingError', code: 'limit-exceeded' }
const minimal = 'Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n'

test('a file gives single fields as strings, the others as lists, and its body as description', () => {
  const metadata = parse(
    `${minimal}Summary: Äpfel\nclassifier: A\nClassifier: B\nRequires-Dist: bar>1\nProject-URL: Docs, https://example.org\nX-Other: y\n\n# Foo\n`,
  )
  assert.equal(metadata.name, 'foo')
  assert.equal(metadata.summary, 'Äpfel')
  assert.deepEqual(metadata.classifiers, ['A', 'B'])
  assert.deepEqual(metadata.requiresDist, ['bar>1'])
  assert.deepEqual(metadata.projectUrls, ['Docs, https://example.org'])
  assert.equal(metadata.description, '# Foo\n')
  assert.deepEqual(metadata.providesExtra, [])
  assert.equal(metadata.license, undefined)
})

test('every field of core metadata is read from its header and from each of its form names', () => {
  for (const { key, header, multiple, form: names } of METADATA_FIELDS) {
    const expected = multiple ? ['x'] : 'x'
    assert.deepEqual(parse(`${header}: x\n`)[key], expected, header)
    for (const name of names)
      assert.deepEqual(form({ [name]: 'x', [name.toUpperCase() + '_']: 'y' })[key], expected, name)
    assert.deepEqual(form({ [names[0]?.toUpperCase() ?? '']: 'x' })[key], expected)
  }
})

test('a missing required field is an empty string, for the rules to report', () => {
  const { metadataVersion, name, version } = parse('')
  assert.deepEqual([metadataVersion, name, version], ['', '', ''])
})

test('older files keep the description in a header', () => {
  assert.equal(parse(`${minimal}Description: a\n        b\n`).description, 'a\n        b')
  assert.throws(() => parse(`${minimal}Description: a\n\nb`), metadataInvalid)
})

test('MD-HUGE: bytes and values have caps', () => {
  assert.throws(() => parseCoreMetadata(new Uint8Array(MAX_METADATA_BYTES + 1)), limitExceeded)
  assert.throws(() => parse('Classifier: x\n'.repeat(MAX_METADATA_VALUES + 1)), limitExceeded)
  assert.throws(() => form({ classifiers: Array.from({ length: MAX_METADATA_VALUES + 1 }, () => 'x') }), limitExceeded)
})

test('MD-INJ: a single-use field given twice is refused', () => {
  assert.throws(() => parse(`${minimal}name: bar\n`), metadataInvalid)
  assert.throws(() => parse(`${minimal}Requires-Python: >3\nRequires-Python: >3\n`), metadataInvalid)
  assert.throws(() => form({ name: ['foo', 'bar'] }), metadataInvalid)
})

test('MD-INJ: what readers could understand differently is refused', () => {
  for (const text of [
    'Name:\n foo\n',
    'Requires-Dist: a\n  ; extra == "x"\n',
    'Name: fo\0o\n',
    'Summary: a\x1bb\n',
    `${minimal}\ndescription\0`,
    `${minimal}no separator`,
    ' continuation\nName: foo\n',
    ': nameless\nName: foo\n',
    'Content-Transfer-Encoding: base64\nName: foo\n\nYQ==',
    'Content-Type: multipart/mixed; boundary=x\nName: foo\n\n--x\n',
  ]) {
    assert.throws(() => parse(text), metadataInvalid, JSON.stringify(text))
  }
  assert.equal(parse('License: a\n  b\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n').license, 'a\n  b')
})

test('MD-INJ: an encoded word, which readers decode or not, is refused where a value decides what is installed', () => {
  for (const text of [
    'Requires-Python: ===?utf-8?q?3.11.7?=\n',
    'Requires-Dist: safe; python_version < "=?utf-8?q?2=22_or_python=5Fversion_>=222?="\n',
    'Name: =?utf-8?b?Zm9v?=\n',
    'Version: 1.0 =?x??=\n',
  ]) {
    assert.throws(() => parse(text), metadataInvalid, text)
  }
  assert.equal(parse('Author: =?utf-8?q?=C3=A9?=\n').author, '=?utf-8?q?=C3=A9?=')
  assert.deepEqual(parse('Home-page: x?=1=?\n').homePage, 'x?=1=?')
})

test('MD-INJ: an empty dependency, at which pip fails, is refused in a file; other empty fields mean nothing', () => {
  for (const text of ['Requires-Dist:\n', 'Requires-Dist: \t\n', 'Requires-Dist: a\nRequires-Dist:\n']) {
    assert.throws(() => parse(text), metadataInvalid, text)
  }
  const { requiresPython, classifiers, importNames } = parse('Requires-Python:\nClassifier:\nImport-Name:\n')
  assert.deepEqual([requiresPython, classifiers, importNames], [undefined, [], []])
})

test('a form value that is empty or UNKNOWN counts as absent, and NUL is made visible', () => {
  const metadata = form({
    requires_python: '',
    license: ' UNKNOWN ',
    platforms: ['UNKNOWN'],
    summary: 'a\0b',
    requires_dist: [''],
    content: 'x',
  })
  assert.equal(metadata.requiresPython, undefined)
  assert.equal(metadata.license, undefined)
  assert.deepEqual(metadata.platforms, [])
  assert.deepEqual(metadata.requiresDist, [])
  assert.equal(metadata.summary, String.raw`a\x00b`)
})

test('UNKNOWN in a file is no value, except where an installer would act on it', () => {
  const metadata = parse(`${minimal}Home-page: UNKNOWN\nLicense: UNKNOWN\nRequires-Dist: UNKNOWN\n`)
  assert.deepEqual([metadata.homePage, metadata.license, metadata.requiresDist], [undefined, undefined, ['UNKNOWN']])
})

test('API-PROTO: field names are never keys of plain objects', () => {
  assert.deepEqual(form({ constructor: 'x', toString: 'y' }), form({}))
  assert.deepEqual(parse('__proto__: x\nconstructor: y\n'), parse(''))
})
