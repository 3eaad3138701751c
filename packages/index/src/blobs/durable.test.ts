import assert from 'node:assert/strict'
import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeNew } from './durable.ts'

void test('of many who make one file at once, one does; what it wrote stays, and nothing is left beside it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-durable-'))
  const path = join(folder.path, 'key.pem')
  const made = await Promise.all(Array.from({ length: 16 }, (_, at) => writeNew(path, Buffer.from(`${at}`))))
  assert.deepEqual(made.filter(Boolean), [true])
  assert.equal(await readFile(path, 'utf8'), `${made.indexOf(true)}`)
  assert.equal(await writeNew(path, Buffer.from('later')), false)
  assert.equal(await readFile(path, 'utf8'), `${made.indexOf(true)}`)
  assert.deepEqual(await readdir(folder.path), ['key.pem'])
})
