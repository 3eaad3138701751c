import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { indexDefaults, openAdministration } from '@waxseal/index'
import { documentOf, waxsealCommand } from '../support/command.ts'

void test('a secret file that cannot be read is a sentence and exit code 2, and nothing is changed', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'waxseal-user-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  await (await openAdministration(indexDefaults(data)))[Symbol.asyncDispose]()
  const absent = join(data, 'no-such-file')
  for (const [option, file, args] of [
    ['--password-file', absent, ['user', 'create', 'alice', '--data', data]],
    ['--password-file', data, ['user', 'password', 'alice', '--data', data]],
    ['--token-file', absent, ['setup', 'pip', '--url', 'http://127.0.0.1:9/simple/']],
  ] as const) {
    const run = await waxsealCommand([...args, option, file])
    assert.equal(run.code, 2, run.stderr)
    const why = file === absent ? 'there is no such file' : 'EISDIR'
    assert.equal(run.stderr, `waxseal: ${option}: ${file} cannot be read: ${why}.\n`)
  }
  assert.deepEqual(documentOf(await waxsealCommand(['user', 'list', '--data', data, '--json']))['users'], [])
})
