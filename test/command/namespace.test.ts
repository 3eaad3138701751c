import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'
import type { Run } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Simulator } from '../support/upstream-simulator.ts'
import { uploadFile } from '../support/upload-form.ts'

describe('waxseal namespace, beside a running server', () => {
  let upstream: Simulator
  let server: RunningServer
  const theirs = buildWheel({ name: 'acme-theirs', version: '9.0' })

  before(async () => {
    upstream = await startSimulator()
    upstream.addProject({ name: theirs.name, files: [{ filename: theirs.filename, bytes: theirs.bytes }] })
    server = await startWaxseal({ upstreams: new Map([['pypi', upstream.simpleUrl]]) })
    assert.deepEqual(await filenames(), [theirs.filename])
  })
  after(async () => {
    await server?.stop()
    await upstream?.[Symbol.asyncDispose]()
  })

  const page = (name: string): Promise<Response> =>
    fetch(`${server.url}/simple/${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
  const filenames = async (): Promise<readonly string[]> =>
    ((await (await page(theirs.name)).json()) as { files: { filename: string }[] }).files.map((file) => file.filename)
  const namespace = (...args: readonly string[]): Promise<Run> =>
    waxsealCommand(['namespace', ...args, '--data', server.dataDir])

  it('asks before names close, says which, and changes nothing without an answer', async () => {
    const asked = await namespace('grant', 'acme', '--owner', 'alice')
    assert.equal(asked.code, 2)
    assert.match(asked.stderr, /1 name will be answered by no upstream any more:\n {2}acme-theirs {2}pypi\n/)
    assert.match(asked.stderr, /add --yes/)
    assert.deepEqual(documentOf(await namespace('list', '--json')), { namespaces: [] })
    assert.deepEqual(await filenames(), [theirs.filename])
  })

  it('DC-11, DC-15: the server obeys a grant with its next answer', async () => {
    assert.equal((await page('acme-typo')).status, 404)
    const granted = await namespace('grant', 'Acme', '--owner', 'alice', '--yes', '--json')
    assert.equal(granted.code, 0, granted.stderr)
    const { changed, effect } = documentOf(granted)
    assert.deepEqual(
      [changed, (effect as { closes: unknown }).closes],
      [true, [{ project: 'acme-theirs', upstream: 'pypi' }]],
    )
    assert.equal((await page('acme-typo')).status, 200)
    assert.deepEqual(await filenames(), [])
    const bob = { url: server.url, token: await server.createToken({ scope: 'upload', user: 'bob' }) }
    const refused = await uploadFile(bob, buildWheel({ name: 'acme-x', version: '1.0' }))
    assert.equal(refused.status, 409)
    assert.match(refused.reason, /namespace 'acme'/)
  })

  it('lists, shows and changes it', async () => {
    assert.match((await namespace('list')).stdout, /^acme +alice +public +offline +\d{4}-/m)
    const changed = await namespace('change', 'acme', '--owner', 'team:billing', '--visibility', 'private')
    assert.match(changed.stdout, /^acme is of team:billing, private, with offline claims/)
    assert.equal((await namespace('change', 'acme', '--visibility', 'private')).stdout, 'Nothing to change.\n')
    const { stdout } = await namespace('show', 'acme')
    assert.match(stdout, /1 name under it is known, 0 of them internal\./)
    assert.match(stdout, /decision 1, .*, operator: Granted to alice, public, with offline claims\./)
    assert.match(stdout, /decision 2, .*, operator: Changed: it is of team:billing/)
  })

  it('refuses what overlaps, and what is not there', async () => {
    const overlapping = await namespace('grant', 'acme-ml', '--owner', 'bob')
    assert.deepEqual([overlapping.code, overlapping.stdout], [1, ''])
    assert.match(overlapping.stderr, /overlaps acme, which is granted to team:billing/)
    for (const args of [
      ['show', 'nobody'],
      ['end', 'nobody', '--yes'],
      ['change', 'nobody', '--owner', 'bob'],
    ]) {
      const refused = await namespace(...args)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /no granted namespace nobody/)
    }
  })

  it('asks before names open, and opens them', async () => {
    const asked = await namespace('end', 'acme')
    assert.equal(asked.code, 2)
    assert.match(asked.stderr, /acme-theirs {2}pypi/)
    assert.deepEqual(await filenames(), [])
    assert.equal((await namespace('end', 'acme', '--yes')).code, 0)
    assert.deepEqual(await filenames(), [theirs.filename])
    assert.equal((await page('acme-typo')).status, 404)
  })

  it('keeps the index sound: the doctor finds nothing', async () => {
    const { code, stdout } = await waxsealCommand(['doctor', '--data', server.dataDir])
    assert.equal(code, 0, stdout)
  })
})
