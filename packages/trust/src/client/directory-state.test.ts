import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { DirectoryState } from './directory-state.ts'

async function folderOf(work: (folder: string, state: DirectoryState) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-state-'))
  try {
    await work(folder, await DirectoryState.open(join(folder, 'state')))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const FIRST = Buffer.from('first')
const SECOND = Buffer.from('second')

suite('The trusted state as a folder', { concurrency: true }, () => {
  void test('bytes are stored as they are, for their owner alone, and nothing is left beside them', async () => {
    await folderOf(async (folder, state) => {
      assert.equal(await state.read('timestamp'), undefined)
      assert.equal(await state.swap('timestamp', undefined, FIRST), true)
      assert.deepEqual(await state.read('timestamp'), FIRST)
      assert.deepEqual(await readFile(join(folder, 'state', 'timestamp.json')), FIRST)
      assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['.lock', 'timestamp.json'])
      assert.equal((await stat(join(folder, 'state', 'timestamp.json'))).mode & 0o077, 0)
    })
  })

  void test('is replaced and deleted only by who knows what is there', async () => {
    await folderOf(async (_folder, state) => {
      await state.swap('root', undefined, FIRST)
      assert.equal(await state.swap('root', undefined, SECOND), false)
      assert.equal(await state.swap('root', SECOND, FIRST), false)
      assert.equal(await state.swap('root', SECOND, undefined), false)
      assert.deepEqual(await state.read('root'), FIRST)
      assert.equal(await state.swap('root', FIRST, SECOND), true)
      assert.deepEqual(await state.read('root'), SECOND)
      assert.equal(await state.swap('root', SECOND, undefined), true)
      assert.equal(await state.read('root'), undefined)
      assert.equal(await state.swap('root', undefined, undefined), true)
    })
  })

  void test('what a process left that died while it wrote is swept away, and what another is writing is not', async () => {
    await folderOf(async (folder, state) => {
      await state.swap('root', undefined, FIRST)
      const inside = join(folder, 'state')
      await writeFile(join(inside, `.${randomUUID()}.part`), SECOND)
      await DirectoryState.open(inside)
      assert.deepEqual((await readdir(inside)).sort(), ['.lock', 'root.json'])
      // Whoever opens it while others write waits until they have.
      const writing = Array.from({ length: 20 }, (_, at) => state.swap(`role-${at}`, undefined, Buffer.from([at])))
      const opening = Array.from({ length: 20 }, () => DirectoryState.open(inside))
      await Promise.all([...writing, ...opening])
      assert.equal((await readdir(inside)).length, 22)
    })
  })

  void test('says at once when its lock is damaged, and what to do', async () => {
    await folderOf(async (folder, state) => {
      const lock = join(folder, 'state', '.lock')
      await writeFile(lock, 'no database, and long enough to be looked at as one. '.repeat(20))
      await assert.rejects(state.swap('root', undefined, FIRST), (error: Error) => {
        assert.match(error.message, /\.lock is no lock any more: delete it/)
        return 'code' in error && error.code === 'state-invalid'
      })
      await rm(lock)
      assert.equal(await state.swap('root', undefined, FIRST), true)
    })
  })

  void test('of many who replace the same at once, one does', async () => {
    await folderOf(async (folder) => {
      const states = await Promise.all(Array.from({ length: 8 }, () => DirectoryState.open(join(folder, 'state'))))
      const swapped = await Promise.all(
        states.map((state, number) => state.swap('root', undefined, Buffer.from([number]))),
      )
      assert.equal(swapped.filter(Boolean).length, 1)
      assert.deepEqual(await states[0]?.read('root'), Buffer.from([swapped.indexOf(true)]))
    })
  })

  void test('a role keeps to its own file, whatever its name', async () => {
    await folderOf(async (folder, state) => {
      for (const role of ['../root', 'a/b', '..', '%2e', '\u0000', "it's"]) {
        assert.equal(await state.swap(role, undefined, Buffer.from(role)), true)
        assert.deepEqual(await state.read(role), Buffer.from(role))
      }
      assert.deepEqual(await readdir(folder), ['state'])
      assert.equal((await readdir(join(folder, 'state'))).length, 7)
    })
  })

  void test('a write that fails leaves what was there, and nothing beside it', async () => {
    await folderOf(async (folder, state) => {
      await state.swap('root', undefined, FIRST)
      await assert.rejects(state.swap('x'.repeat(300), undefined, SECOND), { code: 'ENAMETOOLONG' })
      assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['.lock', 'root.json'])
      assert.deepEqual(await state.read('root'), FIRST)
    })
  })
})
