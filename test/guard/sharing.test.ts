import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { chown, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startScene, terminal, upload } from '../clients/scene.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { intoTarget, MAIN, machineTrusting } from './machine.ts'
import { startService } from './service.ts'
import { startTrickle } from './trickle.ts'

const SIXTEEN = 16
/** Debian's user for nobody; any will do that is not this one. */
const OTHER_USER = 65_534
const withUsers = userInfo().uid === 0 ? {} : { skip: 'needs root, to be two users' }

for (const wanted of wantedClients('pip').filter(({ label }) => label.includes('newest'))) {
  clientTest(
    wanted,
    'sixteen times at once, each behind a guard of its own, on one state and one cache',
    async (client) => {
      await using scene = await startScene()
      await using machine = await machineTrusting(scene.server.url)
      const outcomes = await Promise.all(
        Array.from({ length: SIXTEEN }, (_, at) =>
          machine.pip(client, intoTarget(join(machine.folder, `site-${at}`), 'acme-app')),
        ),
      )
      const expected = [scene.app, scene.alpha, scene.beta].map(({ sha256 }) => sha256).toSorted()
      for (const [at, outcome] of outcomes.entries()) {
        assert.equal(outcome.code, 0, terminal(outcome))
        assert.deepEqual(outcome.report.files.map(({ sha256 }) => sha256).toSorted(), expected)
        assert.deepEqual(outcome.report.refused, [])
        assert.deepEqual(outcome.report.notes, [])
        const installed = readdirSync(join(machine.folder, `site-${at}`)).filter((name) => name.endsWith('.dist-info'))
        assert.equal(installed.length, 3)
      }
      assert.deepEqual(readdirSync(join(machine.guardHome, 'cache/parts')), [], 'nothing half received is left')
      const shown = await machine.waxseal(['trust', 'show', '--json'])
      assert.equal((JSON.parse(shown.stdout) as { pinned: { projects: number } }).pinned.projects, 3)
    },
  )

  clientTest(
    wanted,
    'fails, and installs nothing, when its guard is killed in a download; the next one goes on',
    async (client) => {
      await using scene = await startScene()
      const big = buildWheel({ name: 'acme-big', version: '1.0', module: `# ${'x'.repeat(8 * 1024 * 1024)}\n` })
      await upload(scene.server, big)
      await using slow = await startTrickle(scene.server.url, `/files/acme-big/${big.sha256}/${big.filename}`)
      await using machine = await machineTrusting(slow.url)
      const target = join(machine.folder, 'site')
      const parts = join(machine.guardHome, 'cache/parts')
      const child = spawn(
        process.execPath,
        [MAIN, 'run', '--', client.python, '-m', 'pip', ...intoTarget(target, '--retries', '0', 'acme-big')],
        { cwd: machine.folder, env: { ...process.env, WAXSEAL_GUARD_HOME: machine.guardHome }, stdio: 'ignore' },
      )
      await slow.halfWay
      assert.equal(readdirSync(parts).length, 1, 'it is being received')
      child.kill('SIGKILL')
      await once(child, 'exit')
      assert.ok(
        !existsSync(join(machine.guardHome, 'cache', big.sha256.slice(0, 2), big.sha256)),
        'nothing half has a name',
      )
      slow.release()
      const again = await machine.pip(client, intoTarget(target, 'acme-big'))
      assert.equal(again.code, 0, terminal(again))
      assert.equal(again.report.files[0]?.sha256, big.sha256)
      assert.ok(existsSync(join(target, 'acme_big-1.0.dist-info')))
    },
  )
}

void test(
  'CLI-3: another user gets nothing from a guard, not even with its secret, nor its state',
  withUsers,
  async () => {
    await using scene = await startScene()
    await using machine = await machineTrusting(scene.server.url)
    await using service = await startService(machine)
    const page = `${service.url}/simple/acme-app/`
    assert.equal((await fetch(page)).status, 200)
    const other = asOther([
      '/usr/bin/python3',
      '-c',
      'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)',
      page,
    ])
    assert.notEqual(other.status, 0)
    assert.match(other.stderr, /RemoteDisconnected|ConnectionResetError|Connection reset/)
    assert.notEqual(asOther(['/bin/ls', join(machine.guardHome, 'trust')]).status, 0)
    // What its user keeps secret is in no argument that others see.
    const { secret } = service
    for (const file of globSync(`/proc/${service.pid}/cmdline`))
      assert.ok(!readFileSync(file, 'latin1').includes(secret))
    assert.equal((await fetch(page)).status, 200, 'and its user goes on')
  },
)

void test(
  'CLI-4: a folder that another user has made is not used, for what is trusted or for what is kept',
  withUsers,
  async () => {
    await using scene = await startScene()
    for (const [kind, code] of [
      ['trust', 'trust-unusable'],
      ['cache', 'cache-unusable'],
    ] as const) {
      await using machine = await machineTrusting(kind === 'trust' ? undefined : scene.server.url)
      await using planted = await mkdtempDisposable(join(tmpdir(), 'waxseal-planted-'))
      const folder = join(planted.path, 'guard')
      const made = spawnSync('cp', ['-a', machine.guardHome, folder])
      if (made.status !== 0) spawnSync('mkdir', ['-p', folder])
      spawnSync('mkdir', ['-p', join(folder, kind)])
      await chown(join(folder, kind), OTHER_USER, OTHER_USER)
      const args =
        kind === 'trust' ? ['trust', 'add', scene.server.url, '--yes', '--json'] : ['run', '--json', '--', 'true']
      const refused = await waxsealCommand(args, { env: { WAXSEAL_GUARD_HOME: folder } })
      assert.equal(refused.code, 3)
      assert.match(refused.stdout, new RegExp(`"code":"${code}".*belongs to another user`))
    }
  },
)

const asOther = (command: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('setpriv', [`--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, '--clear-groups', ...command], {
    encoding: 'utf8',
  })
