import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { assertLocked } from './locked.ts'
import { assertSuccess, startScene, terminal, workFolder, YANK_REASON, type Scene } from './scene.ts'

let scene: Scene
before(async () => {
  scene = await startScene()
})
after(async () => {
  await scene?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'pip asked another host than the index')
})

/** What stands installed in a `--target` folder, as `name-version`. */
const installedIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.dist-info'))
    .map((name) => name.slice(0, -'.dist-info'.length))
    .toSorted()

for (const wanted of wantedClients('pip')) {
  clientTest(
    wanted,
    'installs a private project and its dependencies of two upstreams, pinned with hashes',
    async (pip) => {
      await using work = await workFolder()
      const pins = [scene.app, scene.alpha, scene.beta].map(
        (file) => `${file.name}==${file.version} --hash=sha256:${file.sha256}\n`,
      )
      writeFileSync(join(work.path, 'requirements.txt'), pins.join(''))
      const args = ['install', '--require-hashes', '--requirement', 'requirements.txt', '--target', 'out']
      assertSuccess(await pip.run([...args, '--index-url', scene.indexUrl], { cwd: work.path }))
      assert.deepEqual(installedIn(join(work.path, 'out')), ['acme_app-1.0', 'alpha_dep-1.0', 'beta_dep-2.0'])
    },
  )

  // `pip lock` came with pip 25.1.
  if (wanted.client?.generation !== 'bookworm') {
    clientTest(wanted, 'locks what can be verified without installing it', async (pip) => {
      await using work = await workFolder()
      assertSuccess(await pip.run(['lock', 'acme-app', '--index-url', scene.indexUrl], { cwd: work.path }))
      await assertLocked(scene.server, join(work.path, 'pylock.toml'), [scene.app, scene.alpha, scene.beta])
    })
  }

  clientTest(wanted, 'refuses a file that does not match the pinned hash', async (pip) => {
    await using work = await workFolder()
    writeFileSync(join(work.path, 'requirements.txt'), `beta-dep==2.0 --hash=sha256:${'0'.repeat(64)}\n`)
    const args = ['install', '--require-hashes', '--requirement', 'requirements.txt', '--target', 'out']
    const outcome = await pip.run([...args, '--index-url', scene.indexUrl], { cwd: work.path })
    assert.equal(outcome.code, 1)
    assert.match(terminal(outcome), /DO NOT MATCH THE HASHES/)
    assert.match(terminal(outcome), new RegExp(`Got ${scene.beta.sha256}`))
  })

  clientTest(wanted, 'resolves without pins: neither a yanked release nor one for another Python', async (pip) => {
    await using work = await workFolder()
    const args = ['install', 'acme-app', '--target', 'out', '--index-url', scene.indexUrl]
    assertSuccess(await pip.run(args, { cwd: work.path }))
    assert.deepEqual(installedIn(join(work.path, 'out')), ['acme_app-1.0', 'alpha_dep-1.0', 'beta_dep-2.0'])
  })

  clientTest(wanted, 'YANK-1: installs a yanked release that is pinned, and shows the reason', async (pip) => {
    await using work = await workFolder()
    const args = ['install', 'alpha-dep==1.1', '--target', 'out', '--index-url', scene.indexUrl]
    const outcome = await pip.run(args, { cwd: work.path })
    assertSuccess(outcome)
    assert.deepEqual(installedIn(join(work.path, 'out')), ['alpha_dep-1.1'])
    assert.ok(terminal(outcome).includes(`Reason for being yanked: ${YANK_REASON}`), terminal(outcome))
  })

  clientTest(wanted, 'builds an sdist whose build backend comes from the index', async (pip) => {
    await using work = await workFolder()
    const args = ['install', '--verbose', 'acme-native', '--target', 'out', '--index-url', scene.indexUrl]
    const outcome = await pip.run(args, { cwd: work.path })
    assertSuccess(outcome)
    assert.deepEqual(installedIn(join(work.path, 'out')), ['acme_native-1.0', 'alpha_dep-1.0'])
    assert.match(terminal(outcome), /Successfully installed flit_core/)
  })

  clientTest(wanted, 'is told plainly that a project is nowhere', async (pip) => {
    await using work = await workFolder()
    const args = ['install', 'nowhere-to-be-found', '--target', 'out', '--index-url', scene.indexUrl]
    const outcome = await pip.run(args, { cwd: work.path })
    assert.equal(outcome.code, 1)
    assert.match(terminal(outcome), /No matching distribution found for nowhere-to-be-found/)
  })
}
