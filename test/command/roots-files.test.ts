import assert from 'node:assert/strict'
import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { scratchFolder, unpackFirstStore } from '../upgrade/scene.ts'

const OWNER = 65_534
const skip = process.getuid?.() !== 0 && 'only root can make files in the folder of somebody else'
/** How the kept first store was served. */
const CONFIG = 'prefixes = ["corp"]\n[upstream.sim]\nurl = "http://127.0.0.1:9/simple/"\n'

/** Everything in `folder`, with the folder itself. */
const allOf = (folder: string): readonly string[] =>
  ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].map((name) => join(folder, name))

function assertOwned(folder: string, expected: readonly string[]): void {
  const names = readdirSync(folder)
  for (const name of expected) assert.ok(names.includes(name), `${name} is not among ${names.join(', ')}`)
  assert.deepEqual(
    allOf(folder).filter((path) => statSync(path).uid !== OWNER || statSync(path).gid !== OWNER),
    [],
  )
}

void test(
  "what root makes in a data folder belongs to the folder's owner: serve, restore, init",
  { skip },
  async () => {
    using scratch = scratchFolder()
    const ownFolder = (name: string): string => {
      const path = join(scratch.path, name)
      mkdirSync(path)
      chownSync(path, OWNER, OWNER)
      return path
    }
    const config = join(scratch.path, 'waxseal.toml')
    writeFileSync(config, CONFIG)
    const served = unpackFirstStore(scratch.path)
    for (const path of allOf(served)) chownSync(path, OWNER, OWNER)
    {
      await using server = await startWaxseal({ dataDir: served, args: ['--config', config] })
      assertOwned(served, ['waxseal.id', 'waxseal.db', 'waxseal.db-wal', 'waxseal.db.before-0002-operation'])
      assert.equal(await server.stop(), 0)
    }
    assertOwned(served, ['waxseal.id', 'waxseal.db', 'blobs', 'spool'])

    const backups = join(scratch.path, 'backups')
    await runWaxseal(['backup', backups, '--data', served, '--config', config])
    const restored = ownFolder('restored')
    await runWaxseal(['restore', backups, '--data', restored])
    assertOwned(restored, ['waxseal.id', 'waxseal.db', 'waxseal.toml.restored', 'blobs'])

    const made = ownFolder('made')
    await runWaxseal(['init', '--yes', '--data', made])
    assertOwned(made, ['waxseal.db', 'waxseal.toml'])
  },
)
