import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientTest, wantedClients, type Client } from '../support/clients.ts'
import { assertInstalled, assertSuccess, workFolder } from '../clients/scene.ts'
import { guardedScene, runGuarded } from './guarded.ts'

const { scene, guarded: guardedBy } = guardedScene('pipenv')

const pipfile = (url: string): string => `[[source]]
name = "waxseal"
url = "${url}"
verify_ssl = true

[packages]
Acme_App = "*"
acme-native = "==1.0"
`

const envFor = (pipenv: Client) => ({
  PIPENV_VENV_IN_PROJECT: '1',
  PIPENV_DEFAULT_PYTHON_VERSION: pipenv.python,
  PIPENV_PYTHON: pipenv.python,
})

for (const wanted of wantedClients('pipenv')) {
  clientTest(wanted, 'makes the lock that it makes without a guard, and installs from it', async (pipenv) => {
    await using bare = await workFolder()
    await using work = await workFolder()
    // Without its last slash it is the same index.
    const text = pipfile(`${scene().server.url}/simple`)
    for (const { path } of [bare, work]) writeFileSync(join(path, 'Pipfile'), text)
    assertSuccess(await pipenv.run(['lock'], { cwd: bare.path, env: envFor(pipenv) }))
    const options = { cwd: work.path, env: { ...envFor(pipenv), PIPENV_TEST_INDEX: 'http://127.0.0.1:9/' } }
    const locked = await runGuarded(pipenv, guardedBy(), ['lock'], options)
    assertSuccess(locked)
    const lock = join(work.path, 'Pipfile.lock')
    assert.deepEqual(locked.mapped, [lock])
    assert.equal(readFileSync(lock, 'utf8'), readFileSync(join(bare.path, 'Pipfile.lock'), 'utf8'))
    assert.equal(statSync(lock).mode, statSync(join(bare.path, 'Pipfile.lock')).mode)
    assert.equal(readFileSync(join(work.path, 'Pipfile'), 'utf8'), text)

    // `--deploy` fails where the lock's hash is not that of the Pipfile.
    const before = guardedBy().asked.length
    const installed = await runGuarded(pipenv, guardedBy(), ['install', '--deploy'], options)
    assertSuccess(installed)
    assert.deepEqual(installed.mapped, [])
    assertInstalled(work.path, [scene().app, scene().native, scene().alpha, scene().beta])
    assert.ok(guardedBy().asked.slice(before).includes('GET /simple/flit-core/'), guardedBy().asked.join('\n'))
    assert.deepEqual(readdirSync(work.path).toSorted(), ['.venv', 'Pipfile', 'Pipfile.lock'])
    assertSuccess(await pipenv.run(['verify'], options))
  })

  clientTest(wanted, 'uses the virtual environment that it has without a guard', async (pipenv) => {
    await using work = await workFolder()
    writeFileSync(join(work.path, 'Pipfile'), pipfile(scene().indexUrl))
    const { PIPENV_VENV_IN_PROJECT: _inProject, ...env } = envFor(pipenv)
    const options = { cwd: work.path, env: { ...env, WORKON_HOME: join(work.path, 'environments') } }
    assertSuccess(await runGuarded(pipenv, guardedBy(), ['run', 'python', '--version'], options))
    const there = await pipenv.run(['--venv'], options)
    assertSuccess(there)
    assert.deepEqual(
      readdirSync(join(work.path, 'environments')).map((name) => join(work.path, 'environments', name)),
      [there.stdout.trim()],
    )
  })

  clientTest(wanted, 'begins a Pipfile with the trusted index, and reads PyPI as the trusted index', async (pipenv) => {
    await using work = await workFolder()
    const options = { cwd: work.path, env: envFor(pipenv) }
    assertSuccess(await runGuarded(pipenv, guardedBy(), ['install', 'alpha-dep'], options))
    assertInstalled(work.path, [scene().alpha])
    const written = readFileSync(join(work.path, 'Pipfile'), 'utf8')
    assert.ok(written.includes(`url = "${scene().indexUrl}"`) && written.includes('alpha-dep = '), written)
    const pypi = written.replace(scene().indexUrl, 'https://pypi.org/simple')
    writeFileSync(join(work.path, 'Pipfile'), pypi)
    assertSuccess(await runGuarded(pipenv, guardedBy(), ['lock'], options))
    const lock = readFileSync(join(work.path, 'Pipfile.lock'), 'utf8')
    assert.ok(lock.includes('"url": "https://pypi.org/simple"') && lock.includes(scene().alpha.sha256), lock)
    assert.equal(readFileSync(join(work.path, 'Pipfile'), 'utf8'), pypi)
  })

  clientTest(wanted, 'takes neither a source nor a Pipfile nor a way past the guard from an .env', async (pipenv) => {
    await using work = await workFolder()
    const other = 'http://127.0.0.1:9/simple/'
    writeFileSync(
      join(work.path, 'Pipfile'),
      `${pipfile(scene().indexUrl).split('[packages]')[0]}[packages]\nalpha-dep = "*"\n`,
    )
    writeFileSync(join(work.path, 'Other'), `[[source]]\nname = "x"\nurl = "${other}"\nverify_ssl = true\n[packages]\n`)
    const way = ['NO_PROXY', 'no_proxy'].map((name) => `${name}=127.0.0.1`)
    const sources = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIPENV_PYPI_MIRROR'].map((name) => `${name}=${other}`)
    writeFileSync(join(work.path, '.env'), [...way, ...sources, `PIPENV_PIPFILE=${work.path}/Other`, ''].join('\n'))
    const options = { cwd: work.path, env: { ...envFor(pipenv), PIPENV_DOTENV_LOCATION: join(work.path, '.env') } }
    const locked = await runGuarded(pipenv, guardedBy(), ['lock'], options)
    assertSuccess(locked)
    assert.deepEqual(locked.mapped, [join(work.path, 'Pipfile.lock')])
    assert.deepEqual(readdirSync(work.path).toSorted(), ['.env', '.venv', 'Other', 'Pipfile', 'Pipfile.lock'])
    const print = ['run', 'python', '-c', 'import os; print(os.environ["PIP_INDEX_URL"], os.environ["NO_PROXY"] == "")']
    const seen = await runGuarded(pipenv, guardedBy(), print, options)
    assertSuccess(seen)
    assert.match(seen.stdout, new RegExp(`^${guardedBy().endpoint.url}/simple/ True$`, 'm'))
  })
}
