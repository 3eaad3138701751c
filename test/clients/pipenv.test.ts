import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients, type Client } from '../support/clients.ts'
import { assertLocked } from './locked.ts'
import { assertInstalled, assertSuccess, startScene, workFolder, type Scene } from './scene.ts'

let scene: Scene
before(async () => {
  scene = await startScene()
})
after(async () => {
  await scene?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'pipenv asked another host than the index')
})

const writeProject = (folder: string, packages: readonly string[]): void =>
  writeFileSync(
    join(folder, 'Pipfile'),
    `[[source]]
name = "waxseal"
url = "${scene.indexUrl}"
verify_ssl = true
[packages]
${packages.join('\n')}
`,
  )

const optionsFor = (pipenv: Client, cwd: string) => ({
  cwd,
  env: { PIPENV_VENV_IN_PROJECT: '1', PIPENV_DEFAULT_PYTHON_VERSION: pipenv.python, PIPENV_PYTHON: pipenv.python },
})

for (const wanted of wantedClients('pipenv')) {
  clientTest(wanted, 'locks and installs a private project with dependencies of two upstreams', async (pipenv) => {
    await using work = await workFolder()
    writeProject(work.path, ['acme-app = "*"'])
    const options = optionsFor(pipenv, work.path)
    assertSuccess(await pipenv.run(['lock'], options))
    const lock = readFileSync(join(work.path, 'Pipfile.lock'), 'utf8')
    for (const file of [scene.app, scene.alpha, scene.beta]) assert.ok(lock.includes(`sha256:${file.sha256}`), lock)
    await assertLocked(scene.server, join(work.path, 'Pipfile.lock'), [scene.app, scene.alpha, scene.beta])
    assert.ok(!lock.includes('==1.1'), 'a yanked release was chosen')
    assertSuccess(await pipenv.run(['sync'], options))
    assertInstalled(work.path, [scene.app, scene.alpha, scene.beta])
  })

  clientTest(wanted, 'installs a yanked release that is pinned, and an sdist built with the index', async (pipenv) => {
    await using work = await workFolder()
    writeProject(work.path, ['alpha-dep = "==1.1"', 'acme-native = "*"'])
    const options = optionsFor(pipenv, work.path)
    assertSuccess(await pipenv.run(['install'], options))
    assertInstalled(work.path, [scene.native, scene.alphaYanked])
  })
}
