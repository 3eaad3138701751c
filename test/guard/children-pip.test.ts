import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientTest, wantedClients, type Client } from '../support/clients.ts'
import { assertSuccess, terminal, workFolder } from '../clients/scene.ts'
import type { Distribution } from '../support/python-projects.ts'
import { guardedScene, runGuarded } from './guarded.ts'

const { scene, guarded: guardedBy } = guardedScene('pip')

const HOSTILE = {
  PIP_EXTRA_INDEX_URL: 'http://127.0.0.1:9/simple/',
  PIP_FIND_LINKS: '/nowhere',
  PIP_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '*',
  PIP_TRUSTED_HOST: 'evil.example',
}
const locks = (client: Client): boolean => client.generation === 'newest'
const origin = () => scene().server.url
const fileUrl = (file: Distribution) => `${origin()}/files/${file.name}/${file.sha256}/${file.filename}`

const assertTarget = (folder: string, files: readonly Distribution[]): void =>
  assert.deepEqual(
    globSync('*.dist-info', { cwd: join(folder, 'site') }).toSorted(),
    files.map((file) => `${file.name.replaceAll('-', '_')}-${file.version}.dist-info`).toSorted(),
  )

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'installs from the guard alone, whatever the environment says', async (pip) => {
    await using work = await workFolder()
    const outcome = await runGuarded(pip, guardedBy(), ['install', '--target', 'site', 'acme-app'], {
      cwd: work.path,
      env: HOSTILE,
    })
    assertSuccess(outcome)
    assertTarget(work.path, [scene().app, scene().alpha, scene().beta])
  })

  clientTest(wanted, 'builds an sdist whose build backend comes through the guard', async (pip) => {
    await using work = await workFolder()
    const before = guardedBy().asked.length
    assertSuccess(
      await runGuarded(pip, guardedBy(), ['install', '--target', 'site', 'acme-native'], {
        cwd: work.path,
        env: HOSTILE,
      }),
    )
    assertTarget(work.path, [scene().native, scene().alpha])
    assert.ok(guardedBy().asked.slice(before).includes('GET /simple/flit-core/'), guardedBy().asked.join('\n'))
  })

  clientTest(wanted, 'runs into the proxy on its way to another host', async (pip) => {
    await using work = await workFolder()
    writeFileSync(
      join(work.path, 'pyproject.toml'),
      '[build-system]\nrequires = ["thing @ https://evil.example/thing-1.0-py3-none-any.whl"]\nbuild-backend = "thing"\n',
    )
    const outcome = await runGuarded(pip, guardedBy(), ['install', '--target', 'site', '.'], { cwd: work.path })
    assert.notEqual(outcome.code, 0)
    assert.ok(guardedBy().outside().includes('evil.example:443'), terminal(outcome))
  })

  clientTest(wanted, 'reads requirements files inside one another, with files and index of the origin', async (pip) => {
    await using work = await workFolder()
    writeFileSync(join(work.path, 'outer file.txt'), '-r deeper.txt\nalpha-dep==1.0 \\\n  # a comment\n')
    writeFileSync(
      join(work.path, 'deeper.txt'),
      `# coding: latin-1\n--index-url ${origin()}/simple/\nbeta-dep @ ${fileUrl(scene().beta)} ; python_version > "3"\n`,
    )
    const outcome = await runGuarded(pip, guardedBy(), ['install', '--target', 'site', '-r', 'outer file.txt'], {
      cwd: work.path,
      env: HOSTILE,
    })
    assertSuccess(outcome)
    assertTarget(work.path, [scene().alpha, scene().beta])
    assert.deepEqual(readdirSync(work.path).toSorted(), ['deeper.txt', 'outer file.txt', 'site'])
    const info = join(work.path, 'site/beta_dep-2.0.dist-info')
    const record = readFileSync(join(info, 'direct_url.json'))
    assert.equal((JSON.parse(record.toString()) as { url: string }).url, fileUrl(scene().beta))
    const digest = createHash('sha256').update(record).digest('base64url')
    assert.match(
      readFileSync(join(info, 'RECORD'), 'utf8'),
      new RegExp(`^beta_dep-2\\.0\\.dist-info/direct_url\\.json,sha256=${digest},${record.byteLength}$`, 'm'),
    )
  })

  clientTest(wanted, 'makes the lock that it makes without a guard, and installs it', async (pip, t) => {
    if (!locks(pip)) return t.skip('this pip has no `lock`')
    await using bare = await workFolder()
    await using work = await workFolder()
    const projects = ['acme-app', 'acme-native', './local']
    for (const { path } of [bare, work]) {
      mkdirSync(join(path, 'local'))
      writeFileSync(
        join(path, 'local/pyproject.toml'),
        '[build-system]\nrequires = ["flit_core>=3.2"]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "local"\nversion = "1"\ndescription = "here"\n',
      )
      writeFileSync(join(path, 'local/local.py'), '"""Here."""\n')
    }
    const index = ['--index-url', `${origin()}/simple/`]
    assertSuccess(await pip.run(['lock', ...index, ...projects], { cwd: bare.path }))
    const expected = readFileSync(join(bare.path, 'pylock.toml'), 'utf8')
    assert.ok(expected.includes(fileUrl(scene().app)), expected)

    const locked = await runGuarded(pip, guardedBy(), ['lock', ...projects], { cwd: work.path })
    assertSuccess(locked)
    assert.deepEqual(locked.mapped, [join(work.path, 'pylock.toml')])
    assert.equal(readFileSync(join(work.path, 'pylock.toml'), 'utf8'), expected)
    assert.deepEqual(readdirSync(work.path).toSorted(), ['local', 'pylock.toml'])

    const printed = await runGuarded(pip, guardedBy(), ['lock', '-qo-', ...projects], { cwd: work.path })
    assert.equal(printed.stdout, expected)

    // pip installs no folder from a lock: it has no hash.
    assertSuccess(await runGuarded(pip, guardedBy(), ['lock', '-o', 'pylock.app.toml', 'acme-app'], { cwd: work.path }))
    assertSuccess(
      await runGuarded(pip, guardedBy(), ['install', '--target', 'site', '-r', 'pylock.app.toml'], { cwd: work.path }),
    )
    assertTarget(work.path, [scene().app, scene().alpha, scene().beta])
    const requested = guardedBy().asked.filter(
      (line) => line === `GET /files/acme-app/${scene().app.sha256}/${scene().app.filename}`,
    )
    assert.ok(requested.length > 0)
  })

  clientTest(wanted, 'leaves the old lock where it cannot make a new one', async (pip, t) => {
    if (!locks(pip)) return t.skip('this pip has no `lock`')
    await using work = await workFolder()
    writeFileSync(join(work.path, 'pylock.toml'), 'old')
    const outcome = await runGuarded(pip, guardedBy(), ['lock', 'nowhere-to-be-found'], { cwd: work.path })
    assert.notEqual(outcome.code, 0)
    assert.deepEqual(outcome.mapped, [])
    assert.deepEqual(readdirSync(work.path), ['pylock.toml'])
    assert.equal(readFileSync(join(work.path, 'pylock.toml'), 'utf8'), 'old')
  })

  clientTest(wanted, 'reports with URLs of the origin', async (pip) => {
    await using work = await workFolder()
    const args = ['install', '--dry-run', '--ignore-installed', '--quiet', '--no-deps', 'acme-app']
    const printed = await runGuarded(pip, guardedBy(), [...args, '--report', '-'], { cwd: work.path })
    assertSuccess(printed)
    const written = await runGuarded(pip, guardedBy(), [...args, '--report=report.json'], { cwd: work.path })
    assertSuccess(written)
    assert.deepEqual(written.mapped, [join(work.path, 'report.json')])
    for (const text of [printed.stdout, readFileSync(join(work.path, 'report.json'), 'utf8')]) {
      const report = JSON.parse(text) as { install: readonly { download_info: { url: string } }[] }
      assert.deepEqual(
        report.install.map(({ download_info: { url } }) => url),
        [fileUrl(scene().app)],
      )
    }
  })
}
