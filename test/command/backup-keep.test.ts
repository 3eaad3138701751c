import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { startWaxseal } from '../support/server.ts'

void test('an older backup that is spoilt is named by "backup --keep", which counts as a backup all the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-keep-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using server = await startWaxseal({ args: ['--no-upstream'], dataDir: join(folder, 'data') })
  const dest = join(folder, 'backups')
  const backup = (...more: readonly string[]) =>
    waxsealCommand(['backup', dest, '--keep', '5', '--data', server.dataDir, ...more])
  const first = documentOf(await backup('--json'))
  await truncate(join(String(first['path']), 'blobs.ndjson.zst'), 10)
  await writeFile(join(dest, 'backups', '.DS_Store'), '')

  const told = await backup()
  assert.deepEqual([told.code, told.stderr], [0, ''])
  const run = await backup('--json')
  assert.equal(run.code, 0, run.stdout)
  const { removed, damaged, path } = documentOf(run)
  assert.deepEqual(removed, { backups: [], bytes: 0 })
  const [one] = damaged as readonly { readonly id: string; readonly reason: string }[]
  assert.equal(one?.id, first['backup'])
  assert.ok(told.stdout.includes(`The older backup ${one?.id} is damaged: ${one?.reason}\nNo blob was`), told.stdout)

  const status = documentOf(await waxsealCommand(['status', '--data', server.dataDir, '--json']))
  assert.equal((status['lastBackup'] as { readonly where: string }).where, path)
  const list = await waxsealCommand(['backup', 'list', dest, '--json'])
  assert.equal((documentOf(list)['backups'] as readonly unknown[]).length, 3, list.stdout)
})
