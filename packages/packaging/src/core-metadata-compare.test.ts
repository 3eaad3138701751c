import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareMetadata } from './core-metadata-compare.ts'
import { coreMetadataFromForm, parseCoreMetadata } from './core-metadata.ts'

const file = (lines: string) => parseCoreMetadata(new TextEncoder().encode(lines))
const form = (fields: Record<string, string[]>) => coreMetadataFromForm(new Map(Object.entries(fields)))
const inFile = file(
  [
    'Metadata-Version: 2.4',
    'Name: Foo.Bar',
    'Version: 1.0',
    'Requires-Python: >=3.8, <4',
    "Requires-Dist: B (>=1.0) ; extra == 'X_y'",
    'Requires-Dist: a[Z]',
    'Provides-Extra: X_y',
    'License-Expression: mit',
    '',
  ].join('\n'),
)
const same = {
  name: ['foo-bar'],
  version: ['1.0.0'],
  requires_python: ['<4,>=3.8'],
  requires_dist: ['a[z]', 'b>=1.0; extra == "X_y"', 'a[z]'],
  provides_extras: ['x-y'],
}

test('formatting, order, repetition and what older clients leave out make no difference', () => {
  assert.deepEqual(compareMetadata(form(same), inFile), [])
  assert.deepEqual(compareMetadata(form({ ...same, license_expression: ['MIT'], summary: ['other'] }), inFile), [])
})

test('each value by which something is decided is compared', () => {
  const table: readonly (readonly [Record<string, string[]>, string])[] = [
    [{ name: ['foo-baz'] }, 'name'],
    [{ version: ['1.0+evil'] }, 'version'],
    [{ requires_python: ['>=3.7,<4'] }, 'requires-python'],
    [{ requires_python: [] }, 'requires-python'],
    [{ requires_dist: ['a[z]'] }, 'requires-dist'],
    [{ requires_dist: [...same.requires_dist, 'evil'] }, 'requires-dist'],
    [{ provides_extras: ['x-y', 'z'] }, 'provides-extra'],
    [{ license_expression: ['ISC'] }, 'license-expression'],
    [{ provides_dist: ['pip'] }, 'provides-dist'],
    [{ classifiers: ['A'] }, 'classifier'],
  ]
  for (const [change, header] of table)
    assert.deepEqual(compareMetadata(form({ ...same, ...change }), inFile), [header])
})

test('values that break their own rules still have to be the same', () => {
  const broken = file('Name: foo\nVersion: not a version\nRequires-Dist: not  valid !\n')
  assert.deepEqual(
    compareMetadata(form({ name: ['foo'], version: ['not a version'], requires_dist: ['not valid !'] }), broken),
    [],
  )
  assert.deepEqual(
    compareMetadata(form({ name: ['foo'], version: ['not a  Version'], requires_dist: ['not valid'] }), broken),
    ['version', 'requires-dist'],
  )
})
