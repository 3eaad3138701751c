import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { assertNoServerFault, assertSoundStorage } from '../support/storage-audit.ts'
import type { Expected } from './answers.ts'
import { assertAnswers, loginStatus } from './answers.ts'
import { unpackRelease } from './old-release.ts'
import { scratchFolder, unpackFirstStore } from './scene.ts'

const expected = JSON.parse(readFileSync(resolve(import.meta.dirname, 'first-store.json'), 'utf8')) as Expected

/** The upstream of then is gone: everything that is answered comes out of the store. */
const CONFIG = 'prefixes = ["corp"]\n[upstream.sim]\nurl = "http://127.0.0.1:9/simple/"\nrefresh-seconds = 0\n'

async function assertSameAnswers(url: string): Promise<void> {
  for (const answer of expected.answers) await assertAnswers(url, answer)
  for (const login of expected.logins) assert.equal(await loginStatus(url, login), login.status, login.who)
}

interface Upgrade {
  readonly at: string
  readonly pending: readonly string[]
  readonly done: readonly string[]
  readonly copy: string | null
}

void test('the kept first store gives the same answers after the upgrade, after the way back, and forward again', async () => {
  using scratch = scratchFolder()
  using old = unpackRelease('0.1.0')
  assert.deepEqual(old.differing, [], 'the old program runs with the packages that it was released with')
  const dataDir = unpackFirstStore(scratch.path)
  const config = join(scratch.path, 'waxseal.toml')
  writeFileSync(config, CONFIG)
  const options = { dataDir, args: ['--config', config] }
  const upgrade = async (...args: readonly string[]): Promise<Upgrade> =>
    JSON.parse(await runWaxseal(['upgrade', ...args, '--data', dataDir, '--json'])) as Upgrade

  const plan = await upgrade('--dry-run')
  assert.deepEqual([plan.at, plan.done], ['0001-first', []])
  assert.deepEqual((await upgrade('--dry-run')).pending, plan.pending, 'a look changes nothing')
  await assert.rejects(runWaxseal(['token', 'list', '--data', dataDir]), /waxseal upgrade/, 'nor does a command')

  const done = await upgrade()
  assert.deepEqual([done.at, done.done, done.pending], [plan.pending.at(-1), plan.pending, []])
  assert.equal(done.copy, join(dataDir, `waxseal.db.before-${plan.pending[0]}`))
  {
    await using server = await startWaxseal(options)
    await assertSameAnswers(server.url)
    await assertSoundStorage(dataDir)
    assertNoServerFault(server)
    await assert.rejects(upgrade('--back'), /Stop it first/, 'not under a running server')
    assert.equal(await server.stop(), 0)
  }
  await assert.rejects(
    startWaxseal({ ...options, main: old.main }),
    /newer version/,
    'the old program knows its limits',
  )

  assert.deepEqual((await upgrade('--back')).done, plan.pending.toReversed())
  {
    await using server = await startWaxseal({ ...options, main: old.main })
    await assertSameAnswers(server.url)
    assertNoServerFault(server)
  }
  await using server = await startWaxseal(options)
  await assertSameAnswers(server.url)
})
