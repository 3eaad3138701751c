import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SmallFiles } from './small-files.ts'

test('CACHE-KEY: a file is found under its own path only', () => {
  const files = new SmallFiles(100_000)
  files.keep('a', Buffer.from('A'))
  assert.deepEqual(files.get('a'), Buffer.from('A'))
  assert.equal(files.get('b'), undefined)
  assert.equal(files.get('__proto__'), undefined)
})

test('the bound in bytes holds; the least recently used goes first', () => {
  const files = new SmallFiles(30_000)
  for (const path of ['a', 'b', 'c']) files.keep(path, Buffer.alloc(9_000))
  files.get('a')
  files.keep('d', Buffer.alloc(9_000))
  assert.equal(files.get('b'), undefined)
  for (const path of ['a', 'c', 'd']) assert.ok(files.get(path), path)
  assert.ok(files.bytes <= 30_000)
  files.keep('a', Buffer.alloc(9_000))
  for (let i = 0; i < 1_000; i += 1) files.keep(`empty ${i}`, Buffer.alloc(0))
  assert.ok(files.bytes <= 30_000)
})
