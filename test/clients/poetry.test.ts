import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients, type Client } from '../support/clients.ts'
import { assertLocked } from './locked.ts'
import { assertInstalled, assertSuccess, startScene, terminal, workFolder, type Scene } from './scene.ts'

let scene: Scene
before(async () => {
  scene = await startScene()
})
after(async () => {
  await scene?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'Poetry asked another host than the index')
})

/**
 * Poetry 1.3 builds sdists with `pip --isolated`, which knows nothing of Poetry's sources and ignores the environment's `PIP_INDEX_URL`:
 * its build dependencies come from the public index unless a configuration file of pip says otherwise.
 */
const environment = (folder: string) => {
  const pip = join(folder, 'pip.conf')
  writeFileSync(pip, `[global]\nindex-url = ${scene.indexUrl}\nextra-index-url =\nfind-links =\n`)
  return { POETRY_VIRTUALENVS_IN_PROJECT: 'true', POETRY_VIRTUALENVS_CREATE: 'true', PIP_CONFIG_FILE: pip }
}

/** The one source is the primary one (Poetry 1.3 calls it the default): without it Poetry asks the public index. */
const writeProject = (folder: string, poetry: Client, dependencies: readonly string[]): void => {
  const rank = poetry.generation === 'bookworm' ? 'default = true' : 'priority = "primary"'
  writeFileSync(
    join(folder, 'pyproject.toml'),
    `[tool.poetry]
name = "consumer"
version = "1.0"
description = ""
authors = []
[[tool.poetry.source]]
name = "waxseal"
url = "${scene.indexUrl}"
${rank}
[tool.poetry.dependencies]
python = "^3.11"
${dependencies.join('\n')}
`,
  )
}

for (const wanted of wantedClients('poetry')) {
  clientTest(wanted, 'locks and installs a private project with dependencies of two upstreams', async (poetry) => {
    await using work = await workFolder()
    writeProject(work.path, poetry, ['acme-app = "*"'])
    const options = { cwd: work.path, env: environment(work.path) }
    assertSuccess(await poetry.run(['lock'], options))
    const lock = readFileSync(join(work.path, 'poetry.lock'), 'utf8')
    for (const file of [scene.app, scene.alpha, scene.beta]) assert.ok(lock.includes(`sha256:${file.sha256}`), lock)
    await assertLocked(scene.server, join(work.path, 'poetry.lock'), [scene.app, scene.alpha, scene.beta])
    assert.match(lock, /name = "alpha-dep"\nversion = "1\.0"/)
    assertSuccess(await poetry.run(['install', '--no-root'], options))
    assertInstalled(work.path, [scene.app, scene.alpha, scene.beta])
  })

  clientTest(wanted, 'locks a yanked release that is pinned', async (poetry) => {
    await using work = await workFolder()
    writeProject(work.path, poetry, ['alpha-dep = "1.1"'])
    const outcome = await poetry.run(['lock'], { cwd: work.path, env: environment(work.path) })
    assertSuccess(outcome)
    const lock = readFileSync(join(work.path, 'poetry.lock'), 'utf8')
    assert.ok(lock.includes(`sha256:${scene.alphaYanked.sha256}`), lock)
    assert.match(terminal(outcome), /yanked/)
  })

  clientTest(wanted, 'does not install a file that differs from its lock', async (poetry) => {
    await using work = await workFolder()
    writeProject(work.path, poetry, ['beta-dep = "2.0"'])
    const options = { cwd: work.path, env: environment(work.path) }
    assertSuccess(await poetry.run(['lock'], options))
    const path = join(work.path, 'poetry.lock')
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(scene.beta.sha256, '0'.repeat(64)))
    const outcome = await poetry.run(['install', '--no-root'], options)
    assert.notEqual(outcome.code, 0)
    assertInstalled(work.path, [])
  })

  clientTest(wanted, 'builds an sdist whose build backend comes from the index', async (poetry) => {
    await using work = await workFolder()
    writeProject(work.path, poetry, ['acme-native = "*"'])
    const options = { cwd: work.path, env: environment(work.path) }
    assertSuccess(await poetry.run(['lock'], options))
    assertSuccess(await poetry.run(['install', '--no-root'], options))
    assertInstalled(work.path, [scene.native, scene.alpha])
  })
}
