import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { begin, finish, isUnfinished, occupied } from './place.ts'

test('an index is made in a folder that is empty, new, or that an init began', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-place-'))
  const at = (name: string): string => join(folder.path, name)
  for (const name of ['empty', 'mounted', 'edited', 'used', 'index', 'begun']) mkdirSync(at(name))
  mkdirSync(at('mounted/lost+found'))
  writeFileSync(at('edited/.waxseal.toml.lock'), '')
  writeFileSync(at('used/notes.txt'), '')
  writeFileSync(at('index/waxseal.db'), '')
  writeFileSync(at('file'), '')
  begin(at('begun'))
  writeFileSync(at('begun/waxseal.db'), '')
  for (const name of ['new', 'empty', 'mounted', 'edited', 'begun']) assert.equal(occupied(at(name)), undefined, name)
  assert.match(occupied(at('used')) ?? '', /is not empty \(it has notes\.txt\), and nothing was changed/)
  assert.match(occupied(at('index')) ?? '', /There is an index/)
  assert.match(occupied(at('file')) ?? '', /is not a folder/)
  // The process that began it is another one and alive.
  writeFileSync(at('begun/init.unfinished'), `${process.ppid}\n`)
  assert.match(occupied(at('begun')) ?? '', /Another init \(process \d+\) is at work/)
  assert.throws(() => begin(at('begun')), { code: 'occupied', exitCode: 1 })
  finish(at('begun'))
  assert.equal(isUnfinished(at('begun')), false)
  assert.match(occupied(at('begun')) ?? '', /There is an index/)
})
