import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startWaxseal } from '../support/server.ts'

void test('DC-19: a restored index is not served without the configuration of the old one', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'waxseal-restored-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  await writeFile(join(dataDir, 'waxseal.toml.restored'), 'prefixes = ["acme"]\n')
  await assert.rejects(startWaxseal({ dataDir }), /its configuration waits in/)
  await rename(join(dataDir, 'waxseal.toml.restored'), join(dataDir, 'waxseal.toml'))
  await using server = await startWaxseal({ dataDir, args: ['--no-upstream'] })
  assert.equal((await fetch(`${server.url}/simple/acme-secret/`)).status, 200)
})
