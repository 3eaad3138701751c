import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Blake2b256 } from './blake2b.ts'
import { openSpool } from './spool.ts'

const root = mkdtempSync(join(tmpdir(), 'waxseal-spool-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
const freshFolder = (): string => join(root, String(count++))

describe('a spool file', () => {
  it('is written with its size and all three digests', async () => {
    const spool = await openSpool(freshFolder())
    const writer = await spool.createSpoolFile()
    const bytes = Buffer.from('one two three')
    await writer.write(bytes.subarray(0, 5))
    await writer.write(bytes.subarray(5))
    const { path, ...facts } = await writer.finish()
    assert.deepEqual(readFileSync(path), bytes)
    assert.deepEqual(facts, {
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      md5: createHash('md5').update(bytes).digest('hex'),
      blake2b: new Blake2b256().update(bytes).hex(),
    })
  })

  it('is gone once discarded: unfinished, finished, twice', async () => {
    const folder = freshFolder()
    const spool = await openSpool(folder)
    const unfinished = await spool.createSpoolFile()
    await unfinished.write(Buffer.from('a'))
    const finished = await spool.createSpoolFile()
    await finished.finish()
    assert.equal(readdirSync(folder).length, 2)
    for (const writer of [unfinished, finished, unfinished]) await writer.discard()
    assert.deepEqual(readdirSync(folder), [])
  })

  it('of a process that is gone is removed at the next start; one of ours stays, and so does what is not ours', async () => {
    const folder = freshFolder()
    const spool = await openSpool(folder)
    const writer = await spool.createSpoolFile()
    writeFileSync(join(folder, '.part-999999999-0123456789ab-0'), '')
    writeFileSync(join(folder, `.part-${process.pid}-0123456789ab-0`), '')
    writeFileSync(join(folder, 'notes.txt'), '')
    await openSpool(folder)
    assert.equal(readdirSync(folder).length, 2)
    await writer.discard()
    assert.deepEqual(readdirSync(folder), ['notes.txt'])
  })
})
