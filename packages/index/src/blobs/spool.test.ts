import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { PART_ABANDONED_MS, PART_RENEWAL_MS } from '../limits.ts'
import { Blake2b256 } from './blake2b.ts'
import { partName } from './leftovers.ts'
import { openSpool } from './spool.ts'
import { deadPartName } from './testing/dead-part-name.ts'

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
    writeFileSync(join(folder, deadPartName()), '')
    // Of our number, but not ours: in a container every process may be number 1.
    writeFileSync(join(folder, partName().replace(/-[0-9a-f]{12}-/, '-0123456789ab-')), '')
    writeFileSync(join(folder, 'notes.txt'), '')
    await openSpool(folder)
    assert.equal(readdirSync(folder).length, 2)
    await writer.discard()
    assert.deepEqual(readdirSync(folder), ['notes.txt'])
  })

  // That it is so with real servers in pid namespaces of their own: test/postgres/pid-namespaces.test.ts.
  for (const [whose, name] of [
    ['in another pid namespace', '.part-1-0123456789ab-0123456789ab-0'],
    ['of 0.1.0, which did not say where it ran', '.part-999999999-0123456789ab-0'],
  ] as const) {
    it(`of a process ${whose} stays for an hour after it was last written or renewed, whatever our clock says`, async (t) => {
      const folder = freshFolder()
      await openSpool(folder)
      const path = join(folder, name)
      writeFileSync(path, '')
      const now = Date.now()
      const age = (milliseconds: number): void => utimesSync(path, new Date(), new Date(now - milliseconds))
      t.mock.timers.enable({ apis: ['Date'], now: now + 365 * 86_400_000 })
      for (const kept of [0, PART_ABANDONED_MS - 60_000]) {
        age(kept)
        await openSpool(folder)
        assert.deepEqual(readdirSync(folder), [name])
      }
      age(PART_ABANDONED_MS)
      await openSpool(folder)
      assert.deepEqual(readdirSync(folder), [])
    })
  }

  it('is renewed as long as its process wants it, received or not, so that it does not grow old for others', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const folder = freshFolder()
    using spool = await openSpool(folder)
    const writers = [await spool.createSpoolFile(), await spool.createSpoolFile()]
    await writers[1]?.finish()
    const old = new Date(Date.now() - 2 * PART_ABANDONED_MS)
    for (const { path } of writers) utimesSync(path, old, old)
    t.mock.timers.tick(PART_RENEWAL_MS)
    const isRenewed = ({ path }: { readonly path: string }): boolean => statSync(path).mtimeMs > old.getTime() + 1000
    while (!writers.every(isRenewed)) await turn()
    for (const writer of writers) await writer.discard()
    while (readdirSync(folder).length > 0) await turn()
  })
})
