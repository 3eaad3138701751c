import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { MAIN } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

/** Root goes by no mode: the commands are root without that right. */
const IS_ROOT = userInfo().uid === 0
const setpriv = IS_ROOT ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []
const missing = IS_ROOT && spawnSync('setpriv', ['--version']).status !== 0
const skip = missing && !process.env['CI'] ? 'setpriv (util-linux) is not here' : false

interface Said {
  readonly error?: {
    readonly message: string
    readonly missing?: readonly { readonly sha256: string; readonly reason: string }[]
    readonly blobs?: { readonly count: number; readonly missing: number }
  }
  readonly findings?: readonly Told[]
}

interface Told {
  readonly code: string
  readonly what: string
  readonly sha256?: string
  readonly repair?: { readonly done: boolean; readonly how: string }
}

function run(...args: readonly string[]): { readonly code: number | null; readonly said: Said } {
  const [command, ...more] = [...setpriv, process.execPath, MAIN, ...args, '--json']
  const { status: code, stdout } = spawnSync(command, more, { encoding: 'utf8' })
  return { code, said: JSON.parse(stdout) as Said }
}

suite('a folder of the blobs that may not be read', { skip }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'waxseal-unreadable-'))
  const dataDir = join(scratch, 'data')
  const shut = buildWheel({ name: 'shut', version: '1.0' })
  const open = buildWheel({ name: 'open', version: '1.0' })
  const folder = join(dataDir, 'blobs', shut.sha256.slice(0, 2), shut.sha256.slice(2, 4))
  before(async () => {
    await using server = await startWaxseal({ args: ['--no-upstream'], dataDir })
    for (const file of [shut, open]) assert.equal((await uploadFile(server, file)).status, 200)
    await server.stop()
    chmodSync(folder, 0)
  })
  after(() => {
    chmodSync(folder, 0o700)
    rmSync(scratch, { recursive: true, force: true })
  })

  for (const dest of ['backups', 'backup.tar']) {
    test(`is named by a backup (${dest}), which has all the rest`, () => {
      const { code, said } = run('backup', join(scratch, dest), '--data', dataDir)
      assert.equal(code, 1, JSON.stringify(said))
      assert.deepEqual(said.error?.missing, [{ sha256: shut.sha256, reason: 'unreadable' }])
      assert.equal(said.error?.blobs?.missing, 1)
      // One file, two sidecars, two pages.
      assert.equal(said.error?.blobs?.count, 5)
    })
  }

  test('is named by the doctor, with what of it is needed, and the rest is looked at and mended', () => {
    const sidecars = [shut, open].map(({ metadata }) => sha256Of(Buffer.from(metadata)))
    for (const sha256 of sidecars) rmSync(join(dataDir, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256))
    const found = (options: readonly string[]) => {
      const { code, said } = run('doctor', '--data', dataDir, ...options)
      assert.equal(code, 1, JSON.stringify(said))
      const told = (said.findings ?? []).filter((one) => one.code !== 'not-writable')
      return new Map(told.map((one) => [one.sha256 ?? one.what, [one.code, one.repair?.done]]))
    }
    const [first = '', second = ''] = sidecars
    const expected = (repaired: readonly [boolean | undefined, boolean | undefined]) =>
      new Map([
        [shut.sha256, ['blob-unreadable', undefined]],
        [folder, ['blob-unreadable', undefined]],
        [first, ['blob-missing', repaired[0]]],
        [second, ['blob-missing', repaired[1]]],
      ])
    assert.deepEqual(found([]), expected([undefined, undefined]))
    assert.deepEqual(found(['--repair']), expected([false, true]))
  })
})

suite('a folder of the backups that may not be written', { skip }, () => {
  test('is named by its own path', async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'waxseal-unwritable-'))
    const dataDir = join(scratch, 'data')
    const file = buildWheel({ name: 'demo', version: '1.0' })
    {
      await using server = await startWaxseal({ args: ['--no-upstream'], dataDir })
      assert.equal((await uploadFile(server, file)).status, 200)
    }
    const dest = join(scratch, 'backups')
    assert.equal(run('backup', dest, '--data', dataDir).code, 0)
    const shard = join(dest, 'blobs', file.sha256.slice(0, 2), file.sha256.slice(2, 4))
    rmSync(join(shard, file.sha256))
    chmodSync(shard, 0o500)
    t.after(() => {
      chmodSync(shard, 0o700)
      rmSync(scratch, { recursive: true, force: true })
    })
    const { code, said } = run('backup', dest, '--data', dataDir)
    assert.equal(code, 3)
    assert.match(said.error?.message ?? '', new RegExp(`^${shard}/\\S+: it cannot be written or read \\(EACCES\\)`))
    assert.ok(dirname(shard).startsWith(dest))
  })
})
