import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'

/** How much of the system the service may still reach, of 10; 1.3 at the time of writing. */
const EXPOSURE = 1.5
const UNIT = resolve(import.meta.dirname, '../../deploy/waxseal.service')

const missing =
  spawnSync('systemd-analyze', ['--version']).error === undefined
    ? undefined
    : 'systemd-analyze is not here: apt-get install systemd'
if (missing !== undefined && process.env['CI']) throw new Error(missing)

/** Nothing is started: a machine of continuous integration has no systemd that runs. */
describe('deploy/waxseal.service', { skip: missing ?? false }, () => {
  let folder: string
  let unit: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-unit-'))
    unit = join(folder, 'waxseal.service')
    // The only change: where the package is, since systemd looks for the program.
    const text = await readFile(UNIT, 'utf8')
    assert.match(
      text,
      /^ExecStart=\/opt\/waxseal\/node_modules\/\.bin\/node \/opt\/waxseal\/packages\/waxseal\/bin\/waxseal\.js serve /m,
    )
    await writeFile(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is a valid unit', () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
    // Units of the machine itself may have warnings of their own.
    const ours = stderr.split('\n').filter((line) => line.includes('waxseal'))
    assert.deepEqual([status, ours], [0, []])
  })

  it('is a valid unit with everything that it only offers, and copies no certificate, which would never be renewed', async () => {
    const offered = /^# (?=(?:LoadCredential|Environment|SupplementaryGroups)=)/gm
    const text = (await readFile(unit, 'utf8')).replace(offered, '')
    assert.match(text, /^SupplementaryGroups=waxseal-tls$/m)
    assert.match(text, /^Environment=WAXSEAL_TLS_CERTIFICATE=\S+ WAXSEAL_TLS_KEY=\S+$/m)
    assert.doesNotMatch(text, /^LoadCredential=\S*(?:tls|\.pem)|WAXSEAL_TLS_\w+=%d/m)
    const full = join(folder, 'waxseal-full.service')
    await writeFile(full, text)
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', full], { encoding: 'utf8' })
    const ours = stderr.split('\n').filter((line) => line.includes('waxseal'))
    assert.deepEqual([status, ours], [0, []])
  })

  it(`is exposed to no more than ${EXPOSURE} of 10`, () => {
    const args = ['security', '--offline=true', `--threshold=${EXPOSURE * 10}`, unit]
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
    const [, exposure = '10'] = /Overall exposure level for waxseal\.service: ([\d.]+)/.exec(stdout) ?? []
    assert.ok(Number(exposure) <= EXPOSURE, exposure)
  })

  it('has a folder of its own for the offline keys of a new index, beside that of the data', async () => {
    const text = await readFile(UNIT, 'utf8')
    const [, folders = ''] = /^StateDirectory=(.*)$/m.exec(text) ?? []
    const [, offline = ''] = /^Environment=WAXSEAL_OFFLINE_KEYS=(.*)$/m.exec(text) ?? []
    const [, data = ''] = /WAXSEAL_DATA=(\S+)/.exec(text) ?? []
    assert.deepEqual(
      folders.split(' ').map((name) => `/var/lib/${name}`),
      [data, offline],
    )
    assert.ok(!offline.startsWith(`${data}/`), 'a key in the data folder is refused')
  })

  it('gives the server longer to stop than the server takes', async () => {
    const text = await readFile(UNIT, 'utf8')
    const [, grace = '0'] = /WAXSEAL_STOP_GRACE_SECONDS=(\d+)/.exec(text) ?? []
    const [, timeout = '0'] = /^TimeoutStopSec=(\d+)$/m.exec(text) ?? []
    assert.ok(Number(grace) > 0 && Number(timeout) >= Number(grace) + 10, `${grace} ${timeout}`)
  })
})
