import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_SPECIFIER_LENGTH } from './limits.ts'
import { parseSpecifierSet, satisfies } from './specifier.ts'
import { parseVersion } from './version.ts'

const check = (version: string, set: string, options?: { readonly prereleases?: boolean }) =>
  satisfies(parseVersion(version), parseSpecifierSet(set), options)
const specifierInvalid = { name: 'PackagingError', code: 'specifier-invalid' }

test('each operator means what PEP 440 says', () => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['', ['0', '1.0a1', '1!2'], []],
    ['==1.0', ['1', '1.0.0', '1.0+local'], ['1.0.1', '1.0.post1', '1.0a1']],
    ['==1.0+x', ['1.0+x'], ['1.0', '1.0+y']],
    ['!=1.0', ['1.1', '1.0.post1'], ['1.0', '1.0+local']],
    ['==1.1.*', ['1.1', '1.1a1', '1.1.5', '1.1.post1', '1.1+x'], ['1.2', '1', '1!1.1']],
    ['!=1.1.*', ['1.2', '1.0'], ['1.1.dev1', '1.1.9']],
    ['==1.0.0.*', ['1', '1.0', '1a1'], ['1.0.1']],
    ['~=2.2', ['2.2', '2.3', '2.99', '2.2.post3'], ['3.0', '2.1', '2.2a1']],
    ['~=1.4.5', ['1.4.5', '1.4.99'], ['1.5', '1.4.4']],
    ['~=2.2.post3', ['2.2.post3', '2.9'], ['2.2', '3']],
    ['<=1.0', ['1.0', '1.0+x', '0.9', '1.0rc1'], ['1.0.post1', '1.1']],
    ['>=1.0', ['1.0', '1.0+x', '1.0.post1'], ['1.0rc1', '0.9']],
    ['<1.0', ['0.9', '0.9.post1'], ['1.0', '1.0a1', '1.0.dev0']],
    ['<1.0rc1', ['1.0a1', '0.9'], ['1.0rc1']],
    ['>1.0', ['1.0.1', '1.1a1'], ['1.0', '1.0.post1', '1.0+x']],
    ['>1.0.post1', ['1.0.post2'], ['1.0.post1', '1.0.post1+x']],
    ['===1.0', ['1.0'], ['1.0.0', '1']],
    ['===1.0+ABC', ['1.0+abc'], ['1.0']],
    ['>=1.0, !=1.5.*, <2', ['1.4', '1.6'], ['1.5.1', '2', '0.9']],
    [' >= 1.0 , ', ['1.0'], ['0.9']],
  ]
  for (const [set, inside, outside] of table) {
    for (const version of inside) assert.equal(check(version, set), true, `${version} in "${set}"`)
    for (const version of outside) assert.equal(check(version, set), false, `${version} not in "${set}"`)
  }
})

test('pre-releases are refused only where the caller says so', () => {
  assert.equal(check('1.1a1', '>=1.0'), true)
  assert.equal(check('1.1a1', '>=1.0', { prereleases: false }), false)
  assert.equal(check('1.1a1', '', { prereleases: false }), false)
  assert.equal(check('1.1', '>=1.0', { prereleases: false }), true)
})

test('what is not a specifier is refused', () => {
  const refused = [
    '1.0',
    '=1.0',
    '=>1.0',
    '>=',
    '===',
    '>=1.0.*',
    '~=1',
    '~=1.0.*',
    '~=1.0+x',
    '<1.0+x',
    '==1.0a1.*',
    '==1.0.post1.*',
    '>=1.0;',
    '>=1.0)',
    '>=1 .0',
    '>=1.0 <2',
    '>= foo',
    '== *',
    '==1.0.**',
    '>=\u212A',
    '\u{FEFF}>=1.0',
    '>=1.0\u00a0',
    '===a\u00a0b',
    '===é',
  ]
  for (const text of refused) assert.throws(() => parseSpecifierSet(text), specifierInvalid, text)
})

test('REDOS, BIGINT: a set has a length cap and its integers a digit cap', () => {
  assert.throws(() => parseSpecifierSet(' '.repeat(MAX_SPECIFIER_LENGTH + 1)), specifierInvalid)
  assert.throws(() => parseSpecifierSet(`>=${'9'.repeat(17)}`), specifierInvalid)
  assert.equal(parseSpecifierSet(','.repeat(MAX_SPECIFIER_LENGTH)).length, 0)
})
