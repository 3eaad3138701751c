import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, test } from 'node:test'
import { makeFolders } from './make-folders.ts'

const scratch = mkdtempSync(join(tmpdir(), 'waxseal-folders-'))
after(() => rmSync(scratch, { recursive: true }))

test('makes what is missing, for its owner alone, and tells the first of it', () => {
  const path = join(scratch, 'a', 'b', 'c')
  assert.equal(makeFolders(path, 0o700), join(scratch, 'a'))
  assert.equal(statSync(path).mode & 0o777, 0o700)
  assert.equal(makeFolders(path, 0o700), undefined)
  assert.equal(makeFolders(relative(process.cwd(), join(path, 'd')), 0o700), relative(process.cwd(), join(path, 'd')))
  assert.ok(existsSync(join(path, 'd')))
})

test('comes to an end where no folder can be made', { timeout: 10_000 }, (t) => {
  const file = join(scratch, 'file')
  writeFileSync(file, '')
  assert.throws(() => makeFolders(file, 0o700), { code: 'EEXIST' })
  assert.throws(() => makeFolders(join(file, 'x'), 0o700), { code: 'EEXIST' })
  if (!existsSync('/proc/self')) return t.skip('there is no /proc here')
  assert.throws(() => makeFolders('/proc/x/y', 0o700), { code: 'ENOENT', path: '/proc/x' })
})
