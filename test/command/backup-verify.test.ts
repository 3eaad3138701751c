import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'

void test('a verification tells the index that it names, and no other; its status says so until a backup is whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-verify-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dest = join(folder, 'backups')
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: join(folder, 'data') })
  const data = ['--data', server.dataDir, '--json']
  assert.equal((await uploadFile(server, buildWheel({ name: 'kept', version: '1.0' }))).status, 200)
  await runWaxseal(['backup', dest, ...data])
  const attention = async () => documentOf(await waxsealCommand(['status', ...data]))['attention'] as readonly string[]
  assert.deepEqual(await attention(), [])

  const blobs = join(dest, 'blobs')
  const [blob = ''] = readdirSync(blobs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}$/.test(name),
  )
  writeFileSync(join(blobs, blob), 'rot')
  assert.equal((await waxsealCommand(['backup', 'verify', dest, '--json'], { cwd: folder })).code, 1)
  assert.deepEqual(await attention(), [])
  assert.equal((await waxsealCommand(['backup', 'verify', dest, ...data])).code, 1)
  assert.match((await attention()).join('\n'), /^The backup \S+ was found damaged at \S+: blobs missing or damaged: 1$/)

  await rm(join(blobs, blob))
  await runWaxseal(['backup', dest, ...data])
  assert.equal((await attention()).length, 1)
  await runWaxseal(['backup', 'verify', dest, ...data])
  assert.deepEqual(await attention(), [])
  // The backup is whole whatever becomes of the note; whoever asked for it is told all the same.
  const nowhere = await waxsealCommand(['backup', 'verify', dest, '--data', join(folder, 'nowhere'), '--json'])
  assert.equal(nowhere.code, 3)
})
