import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { carryKeys } from '../support/carry-keys.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-restored-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

void test('DC-19: a restored index is not served without the configuration of the old one', async (t) => {
  const dataDir = await folderFor(t)
  await writeFile(join(dataDir, 'waxseal.toml.restored'), 'prefixes = ["acme"]\n')
  await assert.rejects(startWaxseal({ dataDir }), /its configuration waits in/)
  await rename(join(dataDir, 'waxseal.toml.restored'), join(dataDir, 'waxseal.toml'))
  await using server = await startWaxseal({ dataDir, args: ['--no-upstream'] })
  assert.equal((await fetch(`${server.url}/simple/acme-secret/`)).status, 200)
})

void test('DC-19: a restored index is not served with another meaning than the old one, wherever its configuration lay', async (t) => {
  const folder = await folderFor(t)
  const dest = join(folder, 'backups')
  const config = join(folder, 'elsewhere.toml')
  const text =
    'prefixes = ["acme"]\nreading = "private"\n[upstream.sim]\nurl = "http://ada:secret@127.0.0.1:9/simple/"\n'
  await writeFile(config, text)
  {
    await using server = await startWaxseal({ dataDir: join(folder, 'data'), args: ['--config', config] })
    // As a timer does that knows nothing of the file.
    await runWaxseal(['backup', dest, '--data', server.dataDir])
  }
  const dataDir = join(folder, 'restored')
  await carryKeys(join(folder, 'data'), dataDir)
  const outcome = documentOf(await waxsealCommand(['restore', dest, '--data', dataDir, '--json']))
  const sim = { name: 'sim', url: 'http://127.0.0.1:9/simple/' }
  assert.deepEqual(outcome['served'], {
    prefixes: ['acme'],
    upstreams: [sim],
    reading: 'private',
    policy: { unclaimed: [], cooldown: 0, approvals: 1 },
  })

  await assert.rejects(startWaxseal({ dataDir }), (error: Error) => {
    assert.match(error.message, /was restored.*served otherwise.*prefixes.*acme.*upstreams.*sim.*reading.*private/s)
    assert.ok(!error.message.includes('secret'))
    return true
  })
  const almost = ['--prefix', 'acme', '--upstream', `sim=${sim.url}`]
  await assert.rejects(
    startWaxseal({ dataDir, args: almost }),
    /served otherwise: reading was private, now it is public/,
  )
  await assert.rejects(startWaxseal({ dataDir, args: [...almost, '--read-only'] }), /served otherwise/)
  {
    await using server = await startWaxseal({ dataDir, args: ['--config', config] })
    assert.equal((await fetch(`${server.url}/simple/`)).status, 401)
  }
  // From then on it is changed as any index is.
  await using server = await startWaxseal({ dataDir, args: ['--no-upstream'] })
  assert.equal((await fetch(`${server.url}/simple/`)).status, 200)
})

void test('a restored index is served otherwise when that is said once', async (t) => {
  const folder = await folderFor(t)
  {
    await using server = await startWaxseal({ dataDir: join(folder, 'data'), args: ['--prefix', 'acme'] })
    await runWaxseal(['backup', join(folder, 'backups'), '--data', server.dataDir])
  }
  const dataDir = join(folder, 'restored')
  await carryKeys(join(folder, 'data'), dataDir)
  await runWaxseal(['restore', join(folder, 'backups'), '--data', dataDir])
  const otherwise = { dataDir, args: ['--no-upstream'] }
  await assert.rejects(startWaxseal(otherwise), /--accept-config/)
  for (const more of [['--accept-config'], []]) {
    await using server = await startWaxseal({ dataDir, args: [...otherwise.args, ...more] })
    assert.equal((await fetch(`${server.url}/-/health`)).status, 200)
  }
})

void test('a backup takes along the configuration that its command was given', async (t) => {
  const folder = await folderFor(t)
  const config = join(folder, 'elsewhere.toml')
  await writeFile(config, 'prefixes = ["acme"]\n[upstream]\n')
  {
    await using server = await startWaxseal({ dataDir: join(folder, 'data'), args: ['--config', config] })
    await runWaxseal(['backup', join(folder, 'backups'), '--data', server.dataDir, '--config', config])
  }
  const dataDir = join(folder, 'restored')
  await carryKeys(join(folder, 'data'), dataDir)
  await runWaxseal(['restore', join(folder, 'backups'), '--data', dataDir])
  await assert.rejects(startWaxseal({ dataDir }), /its configuration waits in/)
  await rename(join(dataDir, 'waxseal.toml.restored'), join(dataDir, 'waxseal.toml'))
  await using server = await startWaxseal({ dataDir })
  assert.equal((await fetch(`${server.url}/simple/acme-secret/`)).status, 200)
})
