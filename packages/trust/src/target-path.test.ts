import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { array, assert as check, constantFrom, property } from 'fast-check'
import { checkWritablePath, matchesPattern } from './target-path.ts'

const segments = (...characters: string[]) =>
  array(constantFrom(...characters), { maxLength: 12 }).map((all) => all.join(''))

/** The specification's pattern as a regular expression (4.5): the slow and plain way. */
function byExpression(pattern: string, path: string): boolean {
  const source = pattern
    .split('')
    .map((character) =>
      character === '*'
        ? '[^/]*'
        : character === '?'
          ? '[^/]'
          : character.replace(/[.+^${}()|[\]\\!]/, String.raw`\$&`),
    )
    .join('')
  return new RegExp(`^${source}$`, 's').test(path)
}

void suite('Patterns of paths (specification 4.5; attacks.md DEL-2)', () => {
  void test('match as the specification says', () => {
    check(
      property(
        segments('a', 'b', '/', '*', '?', '.', '!', '[', '{'),
        segments('a', 'b', '/', '.', '!', '[', '{'),
        (pattern, path) => {
          assert.equal(matchesPattern(pattern, path), byExpression(pattern, path), `${pattern} ${path}`)
        },
      ),
      { numRuns: 2000 },
    )
  })

  const cases: readonly [pattern: string, path: string, matches: boolean][] = [
    ['*', 'foo', true],
    ['*', 'foo/bar', false],
    ['**', 'foo/bar', false],
    ['simple/*/*', 'simple/six/index.json', true],
    ['simple/*/*', 'simple/six/a/index.json', false],
    ['projects/foo*', 'projects/foobar', true],
    ['projects/foo*', 'projects/foo/x', false],
    ['projects/foo/*', 'projects/foobar/x', false],
    ['*.py', '.py', true],
    ['FOO', 'foo', false],
    ['[!a]*', 'b', false],
    ['!x', 'y', false],
    ['{a,b}', 'a', false],
    ['+(a)', 'a', false],
    ['a/../b', 'b', false],
    ['*', '..', true],
    ['', '', true],
    ['a?c', 'a/c', false],
  ]
  for (const [pattern, path, matches] of cases) {
    void test(`${pattern} ${matches ? 'covers' : 'does not cover'} ${path}`, () => {
      assert.equal(matchesPattern(pattern, path), matches)
    })
  }

  void test('one pattern on one path takes no more steps than their lengths allow', () => {
    // A backtracking matcher would not end within the life of the universe.
    assert.equal(matchesPattern(`${'*a'.repeat(200)}b`, 'a'.repeat(500)), false)
  })
})

void suite('Paths that we sign', () => {
  for (const path of [
    'simple/six/index.json',
    'names/3f/six.json',
    'projects/3f/six/six-1.0+local.1.tar.gz',
    'A-b_c.~@!',
  ]) {
    void test(`${path} is one`, () => {
      checkWritablePath(path, 'target')
      checkWritablePath(path, 'pattern')
    })
  }

  void test('a star stands alone in its segment, and in patterns only', () => {
    checkWritablePath('simple/*/*', 'pattern')
    assert.throws(() => checkWritablePath('simple/*/*', 'target'), { code: 'metadata-invalid' })
    assert.throws(() => checkWritablePath('simple/foo*', 'pattern'), { code: 'metadata-invalid' })
    assert.throws(() => checkWritablePath('**', 'pattern'), { code: 'metadata-invalid' })
  })

  for (const path of [
    '',
    '/',
    'a//b',
    '/a',
    'a/',
    '.',
    'a/../b',
    'a/./b',
    'a b',
    'a\\b',
    'ä',
    'a?',
    '[a]',
    '{a,b}',
    'a\u0000',
    'a%2f',
    'x'.repeat(513),
    'x/'.repeat(16) + 'x',
  ]) {
    void test(`${JSON.stringify(path.slice(0, 20))} is none`, () => {
      assert.throws(() => checkWritablePath(path, 'target'), { code: 'metadata-invalid' })
      assert.throws(() => checkWritablePath(path, 'pattern'), { code: 'metadata-invalid' })
    })
  }
})
