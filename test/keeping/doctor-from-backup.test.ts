import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertSuccess, upload, workFolder } from '../clients/scene.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { assertSoundStorage } from '../support/storage-audit.ts'

interface Told {
  readonly code: string
  readonly sha256?: string
  readonly repair?: { readonly done: boolean; readonly how: string }
}

const noise = (): string => `NOISE = '${randomBytes(60_000).toString('hex')}'\n`

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'installs what "waxseal doctor --repair --from" took from a "waxseal backup"', async (pip) => {
    await using work = await workFolder()
    const backups = join(work.path, 'backups')
    await using server = await startWaxseal({ args: ['--no-upstream'] })
    const { dataDir } = server
    const deleted = buildWheel({ name: 'acme-deleted', version: '1.0', module: noise() })
    const altered = buildWheel({ name: 'acme-altered', version: '1.0', module: noise() })
    const young = buildWheel({ name: 'acme-young', version: '1.0', module: noise() })
    for (const file of [deleted, altered]) await upload(server, file)
    await runWaxseal(['backup', backups, '--data', dataDir])
    await upload(server, young)
    const blob = (folder: string, sha256: string): string =>
      join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
    const install = (name: string) =>
      pip.run(['install', name, '--target', name, '--retries', '0', '--index-url', `${server.url}/simple/`], {
        cwd: work.path,
      })
    const repair = async (from: string) => {
      const run = await waxsealCommand(['doctor', '--repair', '--from', from, '--data', dataDir, '--json'])
      return { ...run, findings: documentOf(run)['findings'] as readonly Told[] | undefined }
    }

    rmSync(blob(dataDir, deleted.sha256))
    writeFileSync(blob(dataDir, altered.sha256), randomBytes(altered.bytes.length))
    const wrong = await repair(work.path)
    assert.deepEqual([wrong.code, wrong.findings], [1, undefined])
    assert.match(wrong.stdout, /is no backup folder/)

    const mended = await repair(backups)
    assert.equal(mended.code, 0, mended.stdout)
    const told = new Map(mended.findings?.map(({ code, sha256, repair: did }) => [sha256, `${code}: ${did?.how}`]))
    assert.equal(told.size, 2)
    assert.match(told.get(deleted.sha256) ?? '', /^blob-missing: taken from the backup$/)
    assert.match(told.get(altered.sha256) ?? '', /^blob-damaged: taken from the backup; what was there is in /)
    for (const { name } of [deleted, altered]) assertSuccess(await install(name))
    await assertSoundStorage(dataDir)

    // A backup that is damaged in the same place is no source.
    rmSync(blob(dataDir, deleted.sha256))
    writeFileSync(blob(backups, deleted.sha256), randomBytes(deleted.bytes.length))
    // What was uploaded after the backup is not in it.
    rmSync(blob(dataDir, young.sha256))
    const lost = await repair(backups)
    assert.equal(lost.code, 1)
    const left = new Map(lost.findings?.map(({ sha256, repair: did }) => [sha256, did?.done]))
    assert.deepEqual([left.size, left.get(deleted.sha256), left.get(young.sha256)], [2, false, false])
    await upload(server, deleted)
    await upload(server, young)
    assert.deepEqual(readFileSync(blob(dataDir, deleted.sha256)), Buffer.from(deleted.bytes))
    assert.equal((await waxsealCommand(['doctor', '--data', dataDir, '--json'])).code, 0)
  })
}
