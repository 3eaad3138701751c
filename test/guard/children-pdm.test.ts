import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientTest, runScrubbed, wantedClients, type Client } from '../support/clients.ts'
import { assertInstalled, assertSuccess, workFolder } from '../clients/scene.ts'
import { guardedScene, runGuarded } from './guarded.ts'

const { scene, guarded: guardedBy } = guardedScene('pdm')

const writeProject = async (pdm: Client, folder: string, dependencies: readonly string[]): Promise<void> => {
  writeFileSync(
    join(folder, 'pyproject.toml'),
    `[project]\nname = "consumer"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ${JSON.stringify(dependencies)}\n`,
  )
  const options = { cwd: folder }
  assertSuccess(await runScrubbed([pdm.python, '-m', 'venv', '--without-pip', '.venv'], '/usr/bin:/bin', options))
  assertSuccess(await pdm.run(['use', '--first', join(folder, '.venv/bin/python')], options))
}

for (const wanted of wantedClients('pdm')) {
  clientTest(wanted, 'makes the lock that it makes without a guard, and installs from it', async (pdm) => {
    await using bare = await workFolder()
    await using work = await workFolder()
    const config = join(work.path, 'config.toml')
    writeFileSync(config, '[pypi.evil]\nurl = "http://127.0.0.1:9/simple/"\n[strategy]\nsave = "exact"\n')
    for (const { path } of [bare, work]) await writeProject(pdm, path, ['acme-app', 'acme-native'])
    const direct = { cwd: bare.path, env: { PDM_PYPI_URL: scene().indexUrl } }
    assertSuccess(await pdm.run(['lock'], direct))
    const guarded = { cwd: work.path, env: { PDM_CONFIG_FILE: config, PDM_PYPI_URL: 'http://127.0.0.1:9/' } }
    const locked = await runGuarded(pdm, guardedBy(), ['lock'], guarded)
    assertSuccess(locked)
    const lock = join(work.path, 'pdm.lock')
    assert.deepEqual(locked.mapped, [lock])
    assert.equal(readFileSync(lock, 'utf8'), readFileSync(join(bare.path, 'pdm.lock'), 'utf8'))
    assert.equal(statSync(lock).mode, statSync(join(bare.path, 'pdm.lock')).mode)

    const synced = await runGuarded(pdm, guardedBy(), ['sync', '--no-self'], guarded)
    assertSuccess(synced)
    assert.deepEqual(synced.mapped, [])
    assertInstalled(work.path, [scene().app, scene().native, scene().alpha, scene().beta])
    assert.ok(guardedBy().asked.includes('GET /simple/flit-core/'), guardedBy().asked.join('\n'))
    assert.deepEqual(
      readdirSync(work.path).filter((name) => name.includes('waxseal')),
      [],
    )
  })

  clientTest(wanted, 'installs an old lock that names files of the origin', async (pdm, t) => {
    if (pdm.generation === 'bookworm') return t.skip('this PDM locks no URLs')
    await using work = await workFolder()
    await writeProject(pdm, work.path, ['acme-app'])
    assertSuccess(await pdm.run(['lock', '--static-urls'], { cwd: work.path, env: { PDM_PYPI_URL: scene().indexUrl } }))
    const lock = readFileSync(join(work.path, 'pdm.lock'), 'utf8')
    assert.ok(lock.includes(`${scene().server.url}/files/acme-app/`), lock)
    const before = guardedBy().asked.length
    assertSuccess(await runGuarded(pdm, guardedBy(), ['sync', '--no-self'], { cwd: work.path }))
    assertInstalled(work.path, [scene().app, scene().alpha, scene().beta])
    const file = `GET /files/acme-app/${scene().app.sha256}/${scene().app.filename}`
    assert.ok(guardedBy().asked.slice(before).includes(file), guardedBy().asked.join('\n'))
    assertSuccess(await runGuarded(pdm, guardedBy(), ['lock', '--static-urls', '--refresh'], { cwd: work.path }))
    assert.equal(readFileSync(join(work.path, 'pdm.lock'), 'utf8'), lock)
  })

  clientTest(wanted, 'adds a project to the lock of a folder above', async (pdm) => {
    await using work = await workFolder()
    await writeProject(pdm, work.path, [])
    mkdirSync(join(work.path, 'deeper'))
    const added = await runGuarded(pdm, guardedBy(), ['add', '--no-self', 'alpha-dep'], {
      cwd: join(work.path, 'deeper'),
    })
    assertSuccess(added)
    assert.deepEqual(added.mapped, [join(work.path, 'pdm.lock')])
    assertInstalled(work.path, [scene().alpha])
    assert.ok(!readFileSync(join(work.path, 'pyproject.toml'), 'utf8').includes('127.0.0.1'))
  })
}
