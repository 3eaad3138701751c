import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, runScrubbed, wantedClients, type Client } from '../support/clients.ts'
import { assertLocked } from './locked.ts'
import { assertInstalled, assertSuccess, startScene, terminal, workFolder, type Scene } from './scene.ts'

let scene: Scene
before(async () => {
  scene = await startScene()
})
after(async () => {
  await scene?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'PDM asked another host than the index')
})

/** A source of the name `pypi` replaces the public index that PDM would add. */
const writeProject = (folder: string, dependencies: readonly string[]): void =>
  writeFileSync(
    join(folder, 'pyproject.toml'),
    `[project]
name = "consumer"
version = "1.0"
requires-python = ">=3.11"
dependencies = ${JSON.stringify(dependencies)}
[[tool.pdm.source]]
name = "pypi"
url = "${scene.indexUrl}"
verify_ssl = true
`,
  )

/** A bare environment: PDM 2.2 would install into `__pypackages__` without one. */
const environment = async (pdm: Client, folder: string) => {
  const options = { cwd: folder, env: { PDM_CHECK_UPDATE: '0' } }
  assertSuccess(await runScrubbed([pdm.python, '-m', 'venv', '--without-pip', '.venv'], '/usr/bin:/bin', options))
  assertSuccess(await pdm.run(['use', '--first', join(folder, '.venv/bin/python')], options))
  return options
}

for (const wanted of wantedClients('pdm')) {
  clientTest(wanted, 'locks and installs a private project with dependencies of two upstreams', async (pdm) => {
    await using work = await workFolder()
    writeProject(work.path, ['acme-app'])
    const options = await environment(pdm, work.path)
    assertSuccess(await pdm.run(['lock'], options))
    const lock = readFileSync(join(work.path, 'pdm.lock'), 'utf8')
    for (const file of [scene.app, scene.alpha, scene.beta]) assert.ok(lock.includes(`sha256:${file.sha256}`), lock)
    await assertLocked(scene.server, join(work.path, 'pdm.lock'), [scene.app, scene.alpha, scene.beta])
    assert.ok(!lock.includes('1.1'), 'a yanked release was chosen')
    assertSuccess(await pdm.run(['sync', '--no-self'], options))
    assertInstalled(work.path, [scene.app, scene.alpha, scene.beta])
  })

  clientTest(wanted, 'takes a yanked release at most where it is pinned', async (pdm) => {
    await using work = await workFolder()
    writeProject(work.path, ['alpha-dep==1.1'])
    const options = await environment(pdm, work.path)
    const outcome = await pdm.run(['lock'], options)
    if (pdm.generation === 'bookworm') {
      // PDM 2.2 never takes a yanked release, pinned or not.
      assert.match(terminal(outcome), /Unable to find a resolution for alpha-dep/)
      return
    }
    assertSuccess(outcome)
    assert.ok(readFileSync(join(work.path, 'pdm.lock'), 'utf8').includes(`sha256:${scene.alphaYanked.sha256}`))
  })

  clientTest(wanted, 'builds an sdist whose build backend comes from the index', async (pdm) => {
    await using work = await workFolder()
    writeProject(work.path, ['acme-native'])
    const options = await environment(pdm, work.path)
    assertSuccess(await pdm.run(['install', '--no-self'], options))
    assertInstalled(work.path, [scene.native, scene.alpha])
  })
}
