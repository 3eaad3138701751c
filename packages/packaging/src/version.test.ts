import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_VERSION_LENGTH } from './limits.ts'
import {
  canonicalVersionKey,
  compareVersions,
  formatVersion,
  hasLocal,
  isPrerelease,
  parseVersion,
  tryParseVersion,
} from './version.ts'

const versionInvalid = { name: 'PackagingError', code: 'version-invalid' }
const key = (text: string) => canonicalVersionKey(parseVersion(text))
const small = fc.nat({ max: 3 })
const optional = (prefix: string) =>
  fc.oneof(
    fc.constant(''),
    small.map((n) => `${prefix}${n}`),
  )
/** Versions in normal spelling, from a space small enough for ties. */
const versionText = fc
  .tuple(
    fc.constantFrom('', '1!'),
    fc.array(small, { minLength: 1, maxLength: 3 }),
    fc.oneof(optional('a'), optional('rc')),
    optional('.post'),
    optional('.dev'),
    fc.constantFrom('', '+a', '+1', '+a.1', '+1.a', '+1.1'),
  )
  .map(([epoch, release, ...rest]) => `${epoch}${release.join('.')}${rest.join('')}`)

test('every spelling that PEP 440 allows has one normal form', () => {
  const table: readonly (readonly [string, string])[] = [
    ['1.0', '1.0'],
    ['1.0.0', '1.0.0'],
    ['v1.0', '1.0'],
    [' \t1.0\n', '1.0'],
    ['0!1.0', '1.0'],
    ['1!02.003', '1!2.3'],
    ['1.0ALPHA', '1.0a0'],
    ['1.0.beta-2', '1.0b2'],
    ['1.0c1', '1.0rc1'],
    ['1.0_preview', '1.0rc0'],
    ['1.0pre3', '1.0rc3'],
    ['1.0-1', '1.0.post1'],
    ['1.0.r4', '1.0.post4'],
    ['1.0rev', '1.0.post0'],
    ['1.0post-2', '1.0.post2'],
    ['1.0_dev', '1.0.dev0'],
    ['1.0a1.post2.dev3', '1.0a1.post2.dev3'],
    ['1.0+Ubuntu_007-x', '1.0+ubuntu.7.x'],
    ['1.0+00a', '1.0+00a'],
    ['9007199254740993', '9007199254740993'],
  ]
  for (const [text, normal] of table) assert.equal(formatVersion(parseVersion(text)), normal, text)
})

test('what is not a version is refused', () => {
  for (const text of [
    '',
    '1.0-',
    '1..0',
    '.1',
    'a1',
    '1.0+',
    '1.0+a..b',
    '1.0a1b1',
    '1 .0',
    '1.0\u00a0',
    '1!',
    '1.0.post1.post2',
    'french toast',
    '1.0+\u212A',
    '1.0po\u017Ft1',
    '\u0661.0',
  ]) {
    assert.equal(tryParseVersion(text), undefined, JSON.stringify(text))
    assert.throws(() => parseVersion(text), versionInvalid)
  }
})

test('BIGINT: an integer has sixteen digits at most, and they all count', () => {
  assert.equal(compareVersions(parseVersion('9007199254740993'), parseVersion('9007199254740992')), 1)
  for (const text of [
    '1'.repeat(17),
    `1.${'9'.repeat(17)}`,
    `1.0a${'1'.repeat(17)}`,
    `1.0+${'1'.repeat(17)}`,
    `${'1'.repeat(17)}!1`,
    '1'.repeat(5000),
  ]) {
    assert.throws(() => parseVersion(text), versionInvalid)
  }
})

test('REDOS: a version has a length cap', () => {
  const longest = `1+${'a'.repeat(MAX_VERSION_LENGTH - 2)}`
  assert.equal(formatVersion(parseVersion(longest)), longest)
  assert.throws(() => parseVersion(`${longest}a`), versionInvalid)
  assert.throws(
    () => parseVersion(`${'1.'.repeat(500_000)}!`),
    (error: Error) => error.message.length < 200,
  )
})

test('the order of PEP 440', () => {
  const ascending = [
    '1.dev0',
    '1.0.dev456',
    '1.0a1',
    '1.0a2.dev456',
    '1.0a12.dev456',
    '1.0a12',
    '1.0b1.dev456',
    '1.0b2',
    '1.0b2.post345.dev456',
    '1.0b2.post345',
    '1.0rc1.dev456',
    '1.0rc1',
    '1.0',
    '1.0+abc.5',
    '1.0+abc.7',
    '1.0+5',
    '1.0+5.a',
    '1.0+5.1',
    '1.0.post456.dev34',
    '1.0.post456',
    '1.0.15',
    '1.1.dev1',
    '1!0.1',
  ]
  const versions = ascending.map(parseVersion)
  for (const [i, left] of versions.entries()) {
    for (const [j, right] of versions.entries()) {
      assert.equal(compareVersions(left, right), Math.sign(i - j), `${ascending[i]} against ${ascending[j]}`)
    }
  }
})

test('1.0 equals 1.0.0 and shares its key, though the spellings differ', () => {
  assert.equal(compareVersions(parseVersion('1.0'), parseVersion('1.0.0')), 0)
  assert.deepEqual(['1', '1.0', '1.0.0', 'v1', '0!1.0'].map(key), ['1', '1', '1', '1', '1'])
  assert.equal(key('0.0.0'), '0')
  assert.equal(key('1!1.0.0rc1.post2.dev3+x.1'), '1!1rc1.post2.dev3+x.1')
  assert.notEqual(key('1.0+1'), key('1.0'))
})

test('the order is total and its ties are exactly the equal keys', () => {
  fc.assert(
    fc.property(versionText, versionText, versionText, (x, y, z) => {
      const [a, b, c] = [parseVersion(x), parseVersion(y), parseVersion(z)]
      assert.equal(compareVersions(a, b) + compareVersions(b, a), 0)
      assert.equal(compareVersions(a, b) === 0, canonicalVersionKey(a) === canonicalVersionKey(b))
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0)
    }),
    { numRuns: 2000 },
  )
})

test('parsing what was written gives the same version', () => {
  fc.assert(
    fc.property(versionText, (text) => {
      const version = parseVersion(text)
      assert.equal(formatVersion(version), text)
      assert.deepEqual(parseVersion(formatVersion(version)), version)
      assert.equal(compareVersions(version, parseVersion(canonicalVersionKey(version))), 0)
    }),
  )
})

test('pre-releases and local versions are recognised', () => {
  for (const text of ['1a1', '1.dev0', '1.post1.dev2', '1rc1+x'])
    assert.equal(isPrerelease(parseVersion(text)), true, text)
  for (const text of ['1', '1.post1', '1+dev']) assert.equal(isPrerelease(parseVersion(text)), false, text)
  assert.equal(hasLocal(parseVersion('1+evil')), true)
  assert.equal(hasLocal(parseVersion('1.post1')), false)
})
