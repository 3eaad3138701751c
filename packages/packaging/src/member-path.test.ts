import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemberPaths, refuseMemberPath } from './member-path.ts'

test('ordinary paths are safe', () => {
  for (const path of ['a', 'a/b.py', '.hidden', 'a/..b', 'console.py', 'é/ü', 'a b', 'comma,.x']) {
    assert.equal(refuseMemberPath(path), undefined, path)
  }
})

test('WHL-PATH: what is not', () => {
  const bad = [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    'a\\b',
    'c:',
    'a.',
    'a ',
    'con',
    'x/NUL.txt',
    'lpt9',
    '\u202ea',
    'a\u0000',
    '\ud800',
    'x'.repeat(256),
  ]
  for (const path of bad) assert.notEqual(refuseMemberPath(path), undefined, JSON.stringify(path))
})

test('WHL-CASE: collisions of members and of the directories that they imply', () => {
  const collide = (...paths: readonly (readonly [string, 'file' | 'directory'])[]): string | undefined => {
    const seen = new MemberPaths()
    return paths.map(([path, kind]) => seen.add(path, kind)).findLast((other) => other !== undefined)
  }
  assert.equal(
    collide(['a/b', 'file'], ['a/c', 'file'], ['a', 'directory'], ['d', 'directory'], ['d/x', 'file']),
    undefined,
  )
  assert.equal(collide(['a/b', 'file'], ['A/c', 'file']), 'a')
  assert.equal(collide(['a', 'file'], ['a', 'file']), 'a')
  assert.equal(collide(['a', 'directory'], ['a', 'directory']), 'a')
  assert.equal(collide(['a', 'file'], ['a/b/c', 'file']), 'a')
  assert.equal(collide(['a/b/c', 'file'], ['a/b', 'file']), 'a/b')
  assert.equal(collide(['\u00e9', 'file'], ['E\u0301', 'file']), '\u00e9')
})
