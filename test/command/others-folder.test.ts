import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MAIN, cleanEnvironment, documentOf, waxsealCommand } from '../support/command.ts'

/** Root goes by no mode: the command runs as root without that right. */
const THROUGH = ['--bounding-set=-dac_override,-dac_read_search,-fowner,-chown', process.execPath, MAIN]
const skip =
  userInfo().uid !== 0
    ? 'only root can make a folder of somebody else'
    : spawnSync('setpriv', ['--version']).status !== 0 && !process.env['CI'] && 'setpriv (util-linux) is not here'

void test('a data folder that somebody else owns: one sentence that says so, and exit code 3', { skip }, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-other-'))
  const data = join(folder.path, 'data')
  const made = await waxsealCommand(['init', '--yes', '--data', data])
  assert.equal(made.code, 0, made.stderr)
  for (const [path, mode] of [
    [data, 0o755],
    [join(data, 'waxseal.toml'), 0o644],
    [join(data, 'waxseal.db'), 0o644],
  ] as const) {
    chownSync(path, 12_345, 12_345)
    chmodSync(path, mode)
  }
  for (const call of ['status', 'doctor', 'gc', 'token list', 'upgrade --dry-run', 'upgrade --back']) {
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      [...THROUGH, ...call.split(' '), '--data', data, '--json'],
      { encoding: 'utf8', env: cleanEnvironment() },
    )
    assert.equal(status, 3, `${call}: ${stderr}`)
    const { code, message } = documentOf({ code: status, stdout, stderr })['error'] as { code: string; message: string }
    assert.equal(code, 'storage-failed', call)
    assert.match(message, /The database .*waxseal\.db cannot be opened .* has to own the data folder/, call)
  }
})
