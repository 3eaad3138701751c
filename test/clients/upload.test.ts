import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { buildSdist, buildWheel, type Distribution } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal, type RunningServer } from '../support/server.ts'
import { startSimulator, type Simulator } from '../support/upstream-simulator.ts'
import { assertSuccess, terminal, workFolder } from './scene.ts'
import { uploaders, type Target, type UploaderName } from './uploading.ts'

let upstream: Simulator
let server: RunningServer
let target: Target
before(async () => {
  // It has nothing: every name is free for the first upload.
  upstream = await startSimulator()
  server = await startWaxseal({ upstreams: new Map([['empty', upstream.simpleUrl]]) })
  await runWaxseal(['namespace', 'grant', 'granted', '--owner', 'alice', '--data', server.dataDir])
  target = { url: server.url, token: await server.createToken({ scope: 'upload' }) }
})
after(async () => {
  await server?.stop()
  await upstream?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'an uploading client asked another host than the index')
})

/** The names of a project's files as the index offers them. */
const offered = async (project: string): Promise<readonly string[]> => {
  const accept = 'application/vnd.pypi.simple.v1+json'
  const response = await fetch(`${server.url}/simple/${project}/`, { headers: { accept } })
  if (response.status === 404) return []
  const page = (await response.json()) as { files: readonly { filename: string }[] }
  return page.files.map((file) => file.filename)
}

/** What behaviour.md 1.8 says that each client shows of a refusal: all of them the reason phrase. */
const assertRefused = (outcome: Parameters<typeof terminal>[0], status: number, reason: RegExp): void => {
  const text = terminal(outcome)
  assert.notEqual(outcome.code, 0, text)
  assert.match(text, new RegExp(`\\b${status}\\b`))
  assert.match(text, reason)
}

for (const name of Object.keys(uploaders) as readonly UploaderName[]) {
  for (const wanted of wantedClients(name)) {
    const project = (purpose: string) => `${purpose}-${name}-${wanted.client?.generation ?? 'absent'}`

    clientTest(wanted, 'uploads a wheel, and the same again', async (client) => {
      await using work = await workFolder()
      const wheel = buildWheel({ name: project('twice'), version: '1.0' })
      assertSuccess(await uploaders[name](client, work.path, wheel, target))
      const once = await offered(wheel.name)
      // flit builds the wheel itself and gives it a tag of its own.
      if (name === 'flit') assert.match(once.join(' '), /^twice_flit_[a-z]+-1\.0-[a-z0-9.]+-none-any\.whl$/)
      else assert.deepEqual(once, [wheel.filename])
      assertSuccess(await uploaders[name](client, work.path, wheel, target))
      assert.deepEqual(await offered(wheel.name), once)
    })

    clientTest(
      wanted,
      'NAME-NS: shows that a name is in a namespace of somebody else, and what to do',
      async (client) => {
        await using work = await workFolder()
        const wheel = buildWheel({ name: project('granted-to-others'), version: '1.0' })
        assertRefused(await uploaders[name](client, work.path, wheel, target), 409, /namespace 'granted'.*ask alice/)
        assert.deepEqual(await offered(wheel.name), [])
      },
    )

    clientTest(wanted, 'shows "File already exists" for other bytes under the same name', async (client) => {
      await using work = await workFolder()
      const release = { name: project('changed'), version: '1.0' }
      assertSuccess(await uploaders[name](client, work.path, buildWheel(release), target))
      const changed = buildWheel({ ...release, module: 'VERSION = "changed"\n' })
      assertRefused(await uploaders[name](client, work.path, changed, target), 400, /File already exists/)
    })

    clientTest(wanted, 'shows why a token without the right to upload is refused', async (client) => {
      await using work = await workFolder()
      const wheel = buildWheel({ name: project('forbidden'), version: '1.0' })
      const reader = { url: target.url, token: await server.createToken({ scope: 'read' }) }
      assertRefused(await uploaders[name](client, work.path, wheel, reader), 403, /\b403\b.*\b(token|upload)/i)
      assert.deepEqual(await offered(wheel.name), [])
    })

    clientTest(wanted, 'shows whose project it is to another user, and what to do', async (client) => {
      await using work = await workFolder()
      const first = { name: project('owned'), version: '1.0' }
      assertSuccess(await uploaders[name](client, work.path, buildWheel(first), target))
      const other = { url: target.url, token: await server.createToken({ scope: 'upload', user: 'mallory' }) }
      const second = buildWheel({ ...first, version: '2.0' })
      const outcome = await uploaders[name](client, work.path, second, other)
      assertRefused(outcome, 403, /'mallory' isn't allowed to upload.*belongs to \w+\. An owner can add members/)
      assert.deepEqual((await offered(first.name)).length, 1)
    })

    clientTest(wanted, 'shows why a name is taken for another one', async (client) => {
      await using work = await workFolder()
      const other = project('invoices')
      assertSuccess(await uploaders[name](client, work.path, buildWheel({ name: other, version: '1.0' }), target))
      const looksLike = buildWheel({ name: other.replace('invoices', 'inv0ices'), version: '1.0' })
      const outcome = await uploaders[name](client, work.path, looksLike, target)
      assertRefused(outcome, 403, new RegExp(`cannot be told from '${other}', a project of this index`))
      assert.deepEqual(await offered(looksLike.name), [])
    })

    // flit has no way to upload an archive that it did not build itself.
    if (name === 'flit') continue

    clientTest(wanted, 'uploads an sdist', async (client) => {
      await using work = await workFolder()
      const sdist = buildSdist({ name: project('source'), version: '1.0' })
      assertSuccess(await uploaders[name](client, work.path, sdist, target))
      assert.deepEqual(await offered(sdist.name), [sdist.filename])
    })

    clientTest(wanted, 'shows what is wrong with a bad archive', async (client) => {
      await using work = await workFolder()
      const good = buildWheel({ name: project('bad'), version: '1.0' })
      const bad: Distribution = { ...good, bytes: Buffer.concat([good.bytes, Buffer.from('more')]) }
      const outcome = await uploaders[name](client, work.path, bad, target)
      assertRefused(outcome, 400, /Invalid distribution file.*Trailing data/i)
      assert.deepEqual(await offered(bad.name), [])
    })
  }
}
