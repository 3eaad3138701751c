import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@waxseal/index'
import { withLease } from '../../packages/index/src/store/lease.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'

void test('a backup waits for a collection, says so, and says what held it when it has waited long enough', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-waits-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  await waxsealCommand(['init', '--data', dataDir, '--yes'])
  await using store = await openStore({ kind: 'sqlite', path: join(dataDir, 'waxseal.db') })
  const backup = (...more: readonly string[]) =>
    waxsealCommand(['backup', join(folder, 'backups'), '--data', dataDir, '--json', ...more])
  const [patient, hurried] = await withLease(store, systemClock, { name: 'keeping', by: 'gc' }, () =>
    // A line is first written after five seconds.
    Promise.all([backup('--wait', '7'), backup('--wait', '0')]),
  )
  const holder = `[Pp]rocess ${process.pid} on .*waxseal gc`
  assert.match(patient.stderr, new RegExp(`^Backing up: [5-7] of 7 seconds waited for ${holder}`))
  for (const [run, waited] of [
    [patient, 7],
    [hurried, 0],
  ] as const) {
    assert.equal(run.code, 1)
    const { error } = documentOf(run) as { readonly error?: { readonly code: string; readonly message: string } }
    assert.equal(error?.code, 'conflict')
    assert.match(error.message, new RegExp(`${holder}.* Waited for ${waited} seconds`))
  }
  assert.equal((await backup()).code, 0)
})
