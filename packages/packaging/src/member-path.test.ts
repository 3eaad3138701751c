import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_ARCHIVE_PATHS, MAX_MEMBER_COMPONENTS } from './limits.ts'
import { MemberPaths, refuseInstalledPath, refuseMemberPath } from './member-path.ts'

test('ordinary paths are safe', () => {
  for (const path of ['a', 'a/b.py', '.hidden', 'a/..b', 'console.py', 'é/ü', 'a b', 'comma,.x']) {
    assert.equal(refuseMemberPath(path), undefined, path)
  }
})

test('WHL-PATH: what is not', () => {
  const bad = ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/..', 'a\\b', '\u202ea', 'a\u0000', '\ud800', 'x'.repeat(256)]
  for (const path of bad) assert.notEqual(refuseMemberPath(path), undefined, JSON.stringify(path))
})

test('WHL-CASE: what Windows takes for another name is for wheels only', () => {
  for (const path of ['c:', 'a.', 'a ', 'con', 'x/NUL.txt', 'lpt9', 'a./b']) {
    assert.equal(refuseMemberPath(path), undefined, path)
    assert.notEqual(refuseInstalledPath(path), undefined, path)
  }
  assert.equal(refuseInstalledPath('a/console.py'), undefined)
  assert.notEqual(refuseInstalledPath('../x'), undefined)
})

test('REC-DEL: no character at which Python splits lines, since pip reads RECORD line by line', () => {
  const lineEnds = ['\n', '\r', '\u000b', '\u000c', '\u001c', '\u001d', '\u001e', '\u0085', '\u2028', '\u2029']
  for (const end of lineEnds) assert.notEqual(refuseMemberPath(`x${end}victim/a.py`), undefined, JSON.stringify(end))
})

test('ZIP-BOMB, TAR-BOMB: depth is bounded, and the paths of one archive with their directories', () => {
  const deepest = Array.from({ length: MAX_MEMBER_COMPONENTS }, () => 'a').join('/')
  assert.equal(refuseMemberPath(deepest), undefined)
  assert.notEqual(refuseMemberPath(`${deepest}/a`), undefined)
  const seen = new MemberPaths()
  const add = (): void => {
    for (let index = 0; index * 60 <= MAX_ARCHIVE_PATHS; index += 1) seen.add(`${index}/${'a/'.repeat(60)}f`, 'file')
  }
  assert.throws(add, { name: 'PackagingError', code: 'limit-exceeded' })
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
  assert.equal(collide(['a/\u00e9/b', 'file'], ['a/E\u0301/c', 'file']), 'a/\u00e9')
})
