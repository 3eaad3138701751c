import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { BlobStore } from './blob-store.ts'
import { blobStoreContract, digest, pieces, sample } from './blob-store-contract.ts'
import { openDirectoryBlobStore } from './directory-blob-store.ts'
import { onDisk, writeAll } from './durable.ts'
import { openSpool } from './spool.ts'
import { deadPartName } from './testing/dead-part-name.ts'

const root = mkdtempSync(join(tmpdir(), 'waxseal-blobs-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
const freshFolder = (): string => join(root, String(count++))

/** Written in place, in the folder where the store looks for it. */
async function damage(blobs: BlobStore, sha256: string, bytes: Uint8Array): Promise<void> {
  const path = (await blobs.get(sha256))?.path
  assert.ok(path !== undefined)
  writeFileSync(path, bytes)
}

const folderWithSpool = async () => {
  const folder = freshFolder()
  return { blobs: await openDirectoryBlobStore(join(folder, 'blobs')), spool: await openSpool(join(folder, 'spool')) }
}

blobStoreContract('a folder', folderWithSpool, damage)

// Another file system than the temporary folder's, where there is one: nothing can be renamed between the two.
const OTHER_FILE_SYSTEM = '/dev/shm'
if (existsSync(OTHER_FILE_SYSTEM)) {
  const spools = mkdtempSync(join(OTHER_FILE_SYSTEM, 'waxseal-spool-'))
  after(() => rmSync(spools, { recursive: true }))
  blobStoreContract(
    'a folder, the spool on another file system',
    async () => {
      const spool = await openSpool(join(spools, String(count++)))
      return { blobs: await openDirectoryBlobStore(join(freshFolder(), 'blobs')), spool }
    },
    damage,
  )
}

/** Every file below `folder`, relative to it. */
function files(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

const asRoot = { skip: process.geteuid?.() === 0 ? false : 'only root can work in the folder of another user' }

describe('the blob folder', () => {
  it('of another user gets nothing from root that this user could not read', asRoot, async () => {
    const NOBODY = 65_534
    const folder = freshFolder()
    mkdirSync(folder)
    chownSync(folder, NOBODY, NOBODY)
    const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
    await blobs.put(digest(sample(10)), sample(10))
    const spool = await openSpool(join(folder, 'spool'))
    const writer = await spool.createSpoolFile()
    await writer.write(sample(20))
    const { sha256 } = await writer.finish()
    await blobs.put(sha256, { path: writer.path, size: 20, sha256 })
    await damage(blobs, sha256, sample(5))
    assert.ok((await blobs.setAside(sha256)) !== undefined)
    const made = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    assert.ok(made.length > 8, made.join(' '))
    for (const name of made) {
      const { uid, gid } = statSync(join(folder, name))
      assert.deepEqual([uid, gid], [NOBODY, NOBODY], name)
    }
  })

  it('holds ab/cd/<sha256> and nothing else, whatever failed', async () => {
    const folder = freshFolder()
    const blobs = await openDirectoryBlobStore(folder)
    const sha256 = digest(sample(10))
    await blobs.put(sha256, pieces(sample(10)))
    await assert.rejects(blobs.put(digest(sample(11)), pieces(sample(12))))
    const path = join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    assert.deepEqual(files(folder), [path])
    assert.equal((await blobs.get(sha256))?.path, path)
  })

  it('leaves nothing in the spool of a file that it had already', async () => {
    const folder = freshFolder()
    const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
    const spool = await openSpool(join(folder, 'spool'))
    for (let round = 0; round < 2; round++) {
      const writer = await spool.createSpoolFile()
      await writer.write(sample(100))
      await blobs.put(digest(sample(100)), await writer.finish())
    }
    assert.deepEqual(readdirSync(join(folder, 'spool')), [])
  })

  it('says storage-failed when the disk does, and keeps nothing', async () => {
    const folder = freshFolder()
    const blobs = await openDirectoryBlobStore(folder)
    const sha256 = digest(sample(10))
    // A file where a folder has to be made.
    writeFileSync(join(folder, sha256.slice(0, 2)), '')
    await assert.rejects(blobs.put(sha256, pieces(sample(10))), { name: 'IndexError', code: 'storage-failed' })
    assert.equal(files(folder).length, 1)
  })

  it('shows nothing of what a killed process was writing, and clears it away at the next start', async () => {
    const folder = freshFolder()
    mkdirSync(folder)
    const program = fileURLToPath(new URL('testing/writing-for-ever.ts', import.meta.url))
    const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')

    const meanwhile = await openDirectoryBlobStore(join(folder, 'blobs'))
    await openSpool(join(folder, 'spool'))
    await meanwhile.sweepLeftovers()
    assert.equal(files(folder).length, 2, 'what a living process is writing stays')

    child.kill('SIGKILL')
    await once(child, 'exit')
    const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
    assert.equal(await blobs.get('ab'.repeat(32)), undefined)
    await blobs.sweepLeftovers()
    await openSpool(join(folder, 'spool'))
    assert.deepEqual(files(folder), [])
  })

  it('puts back what a killed process was about to delete, unless it was stored again', async () => {
    const folder = freshFolder()
    const blobs = await openDirectoryBlobStore(folder)
    for (const [at, length] of [10, 11].entries()) {
      const sha256 = digest(sample(length))
      await blobs.put(sha256, sample(length))
      const path = join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
      renameSync(path, join(dirname(path), `.aside-999999999-0123456789ab-${sha256}`))
      if (at === 1) await blobs.put(sha256, sample(length))
    }
    const before = await blobs.sweepLeftovers({ dryRun: true })
    assert.deepEqual([before.files, files(folder).length], [0, 3])
    await blobs.sweepLeftovers()
    assert.deepEqual(await blobs.head(digest(sample(10))), { size: 10 })
    assert.deepEqual(
      files(folder)
        .map((path) => basename(path))
        .toSorted(),
      [digest(sample(10)), digest(sample(11))].toSorted(),
    )
  })

  it('finds what a killed process was about to delete, without waiting for the next start', async () => {
    const folder = freshFolder()
    const blobs = await openDirectoryBlobStore(folder)
    const sha256 = digest(sample(10))
    await blobs.put(sha256, sample(10))
    const path = join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    renameSync(path, join(dirname(path), `.aside-999999999-0123456789ab-${sha256}`))
    assert.equal((await blobs.get(sha256))?.size, 10)
    assert.deepEqual(files(folder), [path])
  })

  it('sweeps away no blob', async () => {
    const folder = freshFolder()
    const first = await openDirectoryBlobStore(folder)
    await first.put(digest(sample(10)), pieces(sample(10)))
    const path = (await first.get(digest(sample(10))))?.path
    assert.ok(path !== undefined)
    writeFileSync(join(dirname(path), deadPartName()), 'left over')
    const again = await openDirectoryBlobStore(folder)
    await again.sweepLeftovers()
    assert.deepEqual(files(folder), [path])
  })
})

describe('a full disk', () => {
  it('is storage-full, with a sentence that names the file', async (context) => {
    if (!existsSync('/dev/full')) return context.skip('there is no /dev/full here')
    const handle = await open('/dev/full', 'w')
    await assert.rejects(
      onDisk(() => writeAll(handle, sample(10)), '/dev/full'),
      {
        code: 'storage-full',
        message:
          'There is no space left for /dev/full (ENOSPC). Free some space or inodes, or raise the quota; nothing needs to be restarted.',
      },
    )
    await handle.close()
  })
})
