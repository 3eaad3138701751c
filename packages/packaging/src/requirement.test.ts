import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackagingError } from './error.ts'
import { MAX_NESTING_DEPTH, MAX_REQUIREMENT_LENGTH } from './limits.ts'
import { formatRequirement, parseRequirement } from './requirement.ts'

const requirementInvalid = { name: 'PackagingError', code: 'requirement-invalid' }
const normal = (text: string) => formatRequirement(parseRequirement(text))

test('every part of a requirement is read, and written in one way', () => {
  const table: readonly (readonly [string, string])[] = [
    ['Foo', 'foo'],
    [' foo.Bar >= 1.0 , < 2 ', 'foo-bar<2,>=1.0'],
    ['foo (>=1.0,!=1.5.*)', 'foo!=1.5.*,>=1.0'],
    ['foo()', 'foo'],
    ['foo[]', 'foo'],
    ['foo [Dev_Tools , a]==1.0+x', 'foo[a,dev-tools]==1.0+x'],
    ['foo>=1,', 'foo>=1'],
    ['foo===any-thing', 'foo===any-thing'],
    ["foo; python_version<'3.8'", 'foo; python_version < "3.8"'],
    [
      'foo>1;(os.name=="nt" or sys_platform not\tin "a b")and extra == \'x\'',
      'foo>1; (os_name == "nt" or sys_platform not in "a b") and extra == "x"',
    ],
    ['foo; python_implementation == \'say "hi"\'', 'foo; platform_python_implementation == \'say "hi"\''],
    ['foo@https://example.org/foo.whl', 'foo @ https://example.org/foo.whl'],
    [
      'foo[x] @ https://example.org/f;a.whl ; "linux" in sys_platform',
      'foo[x] @ https://example.org/f;a.whl ; "linux" in sys_platform',
    ],
  ]
  for (const [text, written] of table) {
    assert.equal(normal(text), written)
    assert.equal(normal(written), written)
  }
})

test('what is not a requirement is refused', () => {
  for (const text of [
    '',
    ' ',
    '-foo',
    'foo-',
    'foo_',
    '\u212Afoo',
    'foo bar',
    'foo 1.0',
    'foo >= ',
    'foo >=1 <2',
    'foo (>=1',
    'foo >=1)',
    'foo[',
    'foo[a',
    'foo[a b]',
    'foo[a,]',
    'foo[,a]',
    'foo @',
    'foo @ url; x',
    'foo @ a\nb',
    'foo;',
    'foo; python_version',
    'foo; python_version < 3',
    'foo; bogus == "1"',
    'foo; extra == "a',
    'foo; (extra == "a"',
    'foo; extra == "a")',
    'foo; extra == "a" or',
    'foo; extra == "a" orextra == "b"',
    'foo; extra notin "a"',
    'foo; extra == "\\x41"',
    'foo; extra == "a\nb"',
    'foo\nbar',
    'foo~=1',
    'foo>=1.*',
    'foo; extras_x == "a"',
  ]) {
    assert.throws(() => parseRequirement(text), requirementInvalid, JSON.stringify(text))
  }
})

test('REDOS: length and nesting have caps', () => {
  const nested = (depth: number) => `foo; ${'('.repeat(depth)}extra == "a"${')'.repeat(depth)}`
  parseRequirement(nested(MAX_NESTING_DEPTH))
  assert.throws(() => parseRequirement(nested(MAX_NESTING_DEPTH + 1)), requirementInvalid)
  assert.throws(() => parseRequirement(`foo${' '.repeat(MAX_REQUIREMENT_LENGTH)}`), requirementInvalid)
})

test('whatever the input, it is read or refused with a code, and what was read has one spelling', () => {
  const pieces = fc.constantFrom(
    'foo',
    ' ',
    '[',
    ']',
    '(',
    ')',
    ',',
    ';',
    '@',
    '>=',
    '==',
    '1.0',
    '.*',
    '"',
    "'",
    'extra',
    'and',
    'or',
    'in',
    'not',
    'x',
    '\t',
    '\n',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
      try {
        const written = normal(`foo${parts.join('')}`)
        assert.equal(normal(written), written)
      } catch (error) {
        assert.ok(error instanceof PackagingError, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
